import { expect, it } from "vitest";
import { BURST, GATHERED, type MarkFrame, Marks, NOTICES_WAITING, PACE, READ_AUTHORS } from "./marks.ts";

const id = (number: number) => `00000000-0000-7000-8000-${`${number}`.padStart(12, "0")}`;
const read = (room: number, sent_at: number, authors: string[] = []) => ({
  room: id(room),
  up_to: id(9),
  sent_at,
  authors,
});

/** Returns the frames with their times, when they go out as soon as they are due. */
function run(marks: Marks): [number, MarkFrame][] {
  const frames: [number, MarkFrame][] = [];
  for (let due = marks.due(); due !== undefined; due = marks.due()) {
    const frame = marks.next(due);
    expect(frame).toBeDefined();
    frames.push([due, frame as MarkFrame]);
  }
  return frames;
}

it("marks of a room that come fast are one with all authors", () => {
  const marks = new Marks(0);
  const authors = Array.from({ length: 40 }, (_, at) => id(100 + at));
  marks.room(read(1, 1, authors.slice(0, 1)));
  expect(marks.next(0)).toBeDefined();
  for (let number = 0; number < 1_000; number += 1) {
    // Not even in their order.
    marks.room(read(1, 1_001 - number, [authors[number % 40] as string]));
  }
  const frames = run(marks);
  expect(frames[0]?.[0]).toBe(GATHERED);
  const reads = frames.map(([, frame]) => frame as MarkFrame & { type: "read" });
  expect(reads.every(({ sent_at, authors }) => sent_at === 1_001 && authors.length <= READ_AUTHORS)).toBe(
    true,
  );
  expect(reads.flatMap(({ authors }) => authors).sort()).toEqual(authors);
  expect(reads.length).toBe(2);
});

it("no more go out than the relay takes", () => {
  const marks = new Marks(0);
  for (let room = 0; room < 100; room += 1) {
    marks.room(read(room, 1));
  }
  const times = run(marks).map(([time]) => time);
  expect(times.length).toBe(100);
  expect(times[BURST - 1]).toBe(0);
  expect(times[BURST]).toBe(PACE);
  for (const [index, time] of times.entries()) {
    // The relay takes 60 at once and 10 a second. 30 more may follow at any time, at the end.
    expect(index + 30).toBeLessThan(60 + Math.floor(time / 100));
  }
});

it("the end takes all that waits", () => {
  const marks = new Marks(0);
  for (let sent_at = 0; sent_at < 5; sent_at += 1) {
    marks.room(read(1, sent_at));
  }
  marks.notices(Array.from({ length: 600 }, (_, at) => id(at)));
  const frames = [marks.pop(), marks.pop(), marks.pop(), marks.pop()];
  expect(frames[0]).toMatchObject({ type: "read", sent_at: 4 });
  const notices = frames.slice(1).map((frame) => (frame?.type === "notices_read" ? frame.notices.length : 0));
  expect(notices).toEqual([500, 100, 0]);
});

it("notices wait once, and in a bounded number", () => {
  const marks = new Marks(0);
  const ids = Array.from({ length: NOTICES_WAITING + 100 }, (_, at) => id(at));
  // The store gives the whole list again whenever it grows.
  for (let round = 0; round < 3; round += 1) {
    marks.notices(ids);
  }
  const told: string[] = [];
  for (let frame = marks.pop(); frame !== undefined; frame = marks.pop()) {
    told.push(...(frame.type === "notices_read" ? frame.notices : []));
  }
  expect(told).toEqual(ids.slice(-NOTICES_WAITING));
});
