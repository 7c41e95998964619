import { expect, it } from "vitest";
import { confirm, emptyLedger, type Ledger, markOf, note, noteCount, people } from "./ledger.ts";

const [ann, bob] = ["00000000-0000-7000-8000-0000000000a1", "00000000-0000-7000-8000-0000000000b1"] as const;
const device = (number: number) => `00000000-0000-7000-8000-0000000000d${number}`;
const nobody = new Set<string>();

function ledger(recipients: number, unreachable: string[] = []): Ledger {
  const ledger = emptyLedger();
  confirm(ledger, recipients, unreachable);
  return ledger;
}

it("the mark follows what is known", () => {
  expect(markOf(emptyLedger(), nobody)).toBe("waiting");
  const it = ledger(2);
  expect(markOf(it, nobody)).toBe("sent");
  expect(note(it, { user: ann, device: device(1), what: "delivered", at: 5 })).toBe(true);
  expect(note(it, { user: ann, device: device(2), what: "delivered", at: 5 })).toBe(true);
  expect(markOf(it, nobody)).toBe("sent");
  note(it, { user: bob, device: device(3), what: "delivered", at: 5 });
  expect(markOf(it, nobody)).toBe("delivered");
  expect(markOf(it, new Set([ann]))).toBe("delivered");
  expect(markOf(it, new Set([ann, bob]))).toBe("read");
});

it("who has read it has it, also without a receipt of the delivery", () => {
  const it = ledger(2);
  note(it, { user: bob, device: device(3), what: "delivered", at: 5 });
  expect(markOf(it, new Set([ann]))).toBe("delivered");
});

it("of two reports the earlier time counts, and the second is no news", () => {
  const it = ledger(1);
  note(it, { user: bob, device: device(1), what: "delivered", at: 9 });
  expect(note(it, { user: bob, device: device(1), what: "delivered", at: 4 })).toBe(false);
  expect(it.outcomes).toEqual([{ user: bob, device: device(1), what: "delivered", at: 4 }]);
});

it("without a device nobody gets it, and in an empty room nobody should", () => {
  expect(markOf(ledger(0, [bob]), nobody)).toBe("unreachable");
  expect(markOf(ledger(0), nobody)).toBe("sent");
});

it("it expired for a user of whom no device has it", () => {
  const it = ledger(1);
  note(it, { user: bob, device: device(1), what: "expired", at: 5 });
  expect(markOf(it, nobody)).toBe("expired");
  note(it, { user: bob, device: device(2), what: "delivered", at: 6 });
  expect(markOf(it, nobody)).toBe("delivered");
});

it("a large room tells numbers", () => {
  const it = ledger(50);
  noteCount(it, 20);
  expect(markOf(it, nobody)).toBe("sent");
  noteCount(it, 30);
  expect(markOf(it, nobody)).toBe("delivered");
});

it("the details count each device once", () => {
  const it = ledger(2);
  for (const what of ["delivered", "expired"] as const) {
    note(it, { user: ann, device: device(1), what, at: 5 });
  }
  note(it, { user: bob, device: device(2), what: "expired", at: 5 });
  expect(people(it)).toEqual([
    { user: ann, delivered: 1, expired: 0 },
    { user: bob, delivered: 0, expired: 1 },
  ]);
});

it("a retry takes back nothing", () => {
  const it = ledger(2, [ann]);
  confirm(it, 1, []);
  expect([it.recipients, it.unreachable]).toEqual([2, [ann]]);
});
