// Draws the dashboard of a made-up replication with made-up figures, so that a person can judge it without
// an AWS account: `npm run dashboard [-- --out FILE]`.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { dashboardSvg } from '../lib/dashboard-picture/dashboard-svg.ts';
import { sampleDashboard } from '../lib/dashboard-picture/sample-dashboard.ts';
import { SAMPLE_CAPTION, sampleData } from '../lib/dashboard-picture/sample-data.ts';

const { values } = parseArgs({
  options: { out: { type: 'string', default: 'docs/dashboard.svg' } },
});
const svg = dashboardSvg({
  body: sampleDashboard(),
  sample: sampleData(),
  caption: SAMPLE_CAPTION,
});
writeFileSync(values.out, svg);
process.stdout.write(`${values.out}: ${Math.ceil(svg.length / 1024)} KB\n`);
