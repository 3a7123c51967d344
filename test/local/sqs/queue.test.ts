import { describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS, type QueueSettings } from '../../../src/local/sqs/queue-settings.ts';
import { SqsQueue } from '../../../src/local/sqs/queue.ts';

/** A queue under a clock that stands still until the test advances it. */
function setUp(settings: Partial<QueueSettings> = {}) {
  const clock = { nowMs: 1_000_000 };
  const queue = new SqsQueue({
    settings: { ...DEFAULT_SETTINGS, ...settings },
    now: () => clock.nowMs,
  });
  const advanceSeconds = (seconds: number) => {
    clock.nowMs += seconds * 1_000;
  };
  return { clock, queue, advanceSeconds };
}

function receiveOne(queue: SqsQueue, visibilityTimeoutSeconds?: number) {
  const [message] = queue.receive(1, visibilityTimeoutSeconds);
  if (message === undefined) throw new Error('no message is visible');
  return message;
}

function countsOf(queue: SqsQueue) {
  const {
    ApproximateNumberOfMessages: visible,
    ApproximateNumberOfMessagesNotVisible: notVisible,
    ApproximateNumberOfMessagesDelayed: delayed,
  } = queue.attributes();
  return { visible, notVisible, delayed };
}

const bodies = (messages: readonly { readonly body: string }[]) => messages.map(({ body }) => body);

describe('a delay', () => {
  it('is each message’s own', () => {
    const { queue, advanceSeconds } = setUp({ VisibilityTimeout: 600 });
    queue.send('late', 125);
    queue.send('now');

    const first = bodies(queue.receive(10));
    advanceSeconds(125);
    const second = bodies(queue.receive(10));

    expect([first, second]).toEqual([['now'], ['late']]);
  });

  it('can be ended, and those who wait hear of it', () => {
    const { queue } = setUp();
    queue.send('late', 900);
    let arrivals = 0;
    queue.onArrival(() => (arrivals += 1));

    queue.hasten();

    expect(arrivals).toBe(1);
    expect(bodies(queue.receive(10))).toEqual(['late']);
  });

  it('is ended for what has not been received yet, and for nothing that is hidden', () => {
    const { queue } = setUp({ VisibilityTimeout: 30 });
    queue.send('hidden');
    queue.receive(1);

    queue.hasten();

    expect(queue.receive(10)).toEqual([]);
  });
});

describe('visibility', () => {
  it('hides a received message until the millisecond at which its visibility timeout ends', () => {
    const { clock, queue, advanceSeconds } = setUp({ VisibilityTimeout: 30 });
    queue.send('a');
    queue.receive(1);

    advanceSeconds(30);
    clock.nowMs -= 1;
    const before = queue.receive(1);
    clock.nowMs += 1;
    const after = queue.receive(1);

    expect(before).toEqual([]);
    expect(bodies(after)).toEqual(['a']);
  });

  it('counts receives and keeps the time of the first', () => {
    const { clock, queue, advanceSeconds } = setUp();
    const sentAtMs = clock.nowMs;
    queue.send('a');
    advanceSeconds(5);

    const first = receiveOne(queue, 10);
    advanceSeconds(10);
    const second = receiveOne(queue, 10);

    const firstReceivedAtMs = sentAtMs + 5_000;
    expect(first).toMatchObject({ receiveCount: 1, sentAtMs, firstReceivedAtMs });
    expect(second).toMatchObject({ receiveCount: 2, sentAtMs, firstReceivedAtMs });
    expect(second.messageId).toBe(first.messageId);
    expect(second.receiptHandle).not.toBe(first.receiptHandle);
  });

  it('lets the timeout that a receive asks for replace the queue’s own', () => {
    const { queue, advanceSeconds } = setUp({ VisibilityTimeout: 30 });
    queue.send('a');

    receiveOne(queue, 0);
    receiveOne(queue, 600);
    advanceSeconds(599);

    expect(queue.receive(1)).toEqual([]);
  });

  it('hands out visible messages in the order of sending, as many as asked for', () => {
    const { queue } = setUp();
    for (const body of ['a', 'b', 'c']) queue.send(body);

    const first = queue.receive(2);
    const rest = queue.receive(10);

    expect(bodies(first)).toEqual(['a', 'b']);
    expect(bodies(rest)).toEqual(['c']);
  });

  it('counts a changed visibility timeout from the change', () => {
    const { queue, advanceSeconds } = setUp({ VisibilityTimeout: 30 });
    queue.send('a');
    const { receiptHandle } = receiveOne(queue);
    advanceSeconds(20);

    queue.changeVisibility(receiptHandle, 30);

    advanceSeconds(29);
    expect(queue.receive(1)).toEqual([]);
    advanceSeconds(1);
    expect(bodies(queue.receive(1))).toEqual(['a']);
  });

  it('refuses to change the visibility of a message that is visible again', () => {
    const { queue, advanceSeconds } = setUp({ VisibilityTimeout: 30 });
    queue.send('a');
    const { receiptHandle } = receiveOne(queue);
    advanceSeconds(30);

    const change = () => queue.changeVisibility(receiptHandle, 30);

    expect(change).toThrow(expect.objectContaining({ name: 'MessageNotInflight' }));
    expect(bodies(queue.receive(1))).toEqual(['a']);
  });

  it('refuses to change the visibility with the handle of an earlier receive', () => {
    const { queue } = setUp();
    queue.send('a');
    const earlier = receiveOne(queue, 0);
    receiveOne(queue, 30);

    const change = () => queue.changeVisibility(earlier.receiptHandle, 0);

    expect(change).toThrow(/Message does not exist or is not available/);
    expect(queue.receive(1)).toEqual([]);
  });

  it('lets no message stay hidden for more than 12 hours after its receive', () => {
    const { queue, advanceSeconds } = setUp();
    queue.send('a');
    const { receiptHandle } = receiveOne(queue, 60);
    advanceSeconds(10);

    const change = () => queue.changeVisibility(receiptHandle, 43_191);

    expect(change).toThrow(/beyond the limit \[43200 seconds\]/);
    expect(() => queue.changeVisibility(receiptHandle, 43_190)).not.toThrow();
  });
});

describe('delete', () => {
  it('deletes with the newest handle, also after the visibility timeout', () => {
    const { queue, advanceSeconds } = setUp({ VisibilityTimeout: 30 });
    queue.send('a');
    const { receiptHandle } = receiveOne(queue);
    advanceSeconds(31);

    queue.delete(receiptHandle);

    expect(queue.receive(1)).toEqual([]);
  });

  it('accepts the handle of an earlier receive, and deletes nothing', () => {
    const { queue } = setUp();
    queue.send('a');
    const earlier = receiveOne(queue, 0);
    receiveOne(queue, 0);

    queue.delete(earlier.receiptHandle);

    expect(bodies(queue.receive(1))).toEqual(['a']);
  });

  it('refuses the handle of another queue', () => {
    const { queue } = setUp();
    const other = setUp().queue;
    other.send('a');
    const { receiptHandle } = receiveOne(other, 0);

    const act = () => queue.delete(receiptHandle);

    expect(act).toThrow(expect.objectContaining({ name: 'ReceiptHandleIsInvalid' }));
  });
});

describe('delay', () => {
  it('shows a message when its delay is over', () => {
    const { queue, advanceSeconds } = setUp();
    queue.send('a', 900);

    advanceSeconds(899);
    const before = queue.receive(1);
    advanceSeconds(1);
    const after = queue.receive(1);

    expect(before).toEqual([]);
    expect(bodies(after)).toEqual(['a']);
  });
});

describe('retention', () => {
  it('drops a message when its retention period is over, received or not', () => {
    const { clock, queue, advanceSeconds } = setUp({ MessageRetentionPeriod: 60 });
    queue.send('a');
    queue.send('b');
    advanceSeconds(60);
    clock.nowMs -= 1;
    receiveOne(queue, 0);

    clock.nowMs += 1;

    expect(countsOf(queue)).toEqual({ visible: 0, notVisible: 0, delayed: 0 });
    expect(queue.receive(10)).toEqual([]);
  });

  it('knows the handle of an expired message, but finds no message', () => {
    const { queue, advanceSeconds } = setUp({ MessageRetentionPeriod: 60 });
    queue.send('a');
    const { receiptHandle } = receiveOne(queue, 600);

    advanceSeconds(60);

    expect(() => queue.changeVisibility(receiptHandle, 30)).toThrow(/does not exist/);
    expect(() => queue.delete(receiptHandle)).not.toThrow();
  });
});

describe('counts', () => {
  it('tells visible, in flight and delayed messages apart', () => {
    const { queue, advanceSeconds } = setUp({ VisibilityTimeout: 30 });
    for (const body of ['a', 'b', 'c']) queue.send(body);
    queue.send('d', 30);
    queue.receive(2);

    expect(countsOf(queue)).toEqual({ visible: 1, notVisible: 2, delayed: 1 });
    advanceSeconds(30);
    expect(countsOf(queue)).toEqual({ visible: 4, notVisible: 0, delayed: 0 });
  });
});

describe('a body', () => {
  it.each([
    ['ASCII', 'a'.repeat(1_024)],
    ['characters of several bytes', '€'.repeat(341) + 'a'],
  ])('takes the limit to the byte, and not one byte more: %s', (_, body) => {
    const { queue } = setUp({ MaximumMessageSize: 1_024 });

    expect(() => queue.send(body)).not.toThrow();
    expect(() => queue.send(`${body}a`)).toThrow(/Message must be shorter than 1024 bytes/);
    expect(countsOf(queue)).toEqual({ visible: 1, notVisible: 0, delayed: 0 });
  });

  it.each(['\uD800', '\uDC00', 'a\uD83D'])('has no half of a surrogate pair: %j', (body) => {
    const { queue } = setUp();

    expect(() => queue.send(body)).toThrow(
      expect.objectContaining({ name: 'InvalidMessageContents' }),
    );
  });
});

describe('arrivals', () => {
  it('tells listeners of sent and released messages until they leave', () => {
    const { queue } = setUp();
    let arrivals = 0;
    const leave = queue.onArrival(() => {
      arrivals += 1;
    });

    queue.send('a');
    queue.changeVisibility(receiveOne(queue).receiptHandle, 0);
    leave();
    queue.send('b');

    expect(arrivals).toBe(2);
  });
});
