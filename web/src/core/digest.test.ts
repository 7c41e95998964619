import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { expect, it } from "vitest";
import { Digest, hex, monthOf } from "./digest.ts";

it("months are those of the calendar in UTC", () => {
  expect(monthOf(0n)).toBe("1970-01");
  expect(monthOf(1_764_547_199_999n)).toBe("2025-11");
  expect(monthOf(1_764_547_200_000n)).toBe("2025-12");
  expect(monthOf(951_782_400_000n)).toBe("2000-02");
  expect(monthOf(-(2n ** 63n))).toBe("1970-01");
  expect([monthOf(2n ** 42n - 1n), monthOf(2n ** 63n - 1n)]).toEqual(["2109-05", "2109-05"]);
});

it("a digest does not depend on the order", () => {
  const notice = fc.tuple(fc.uuid(), fc.bigInt({ min: 0n, max: 2n ** 42n }));
  fc.assert(
    fc.property(fc.array(notice, { maxLength: 20 }), (notices) => {
      const [one, other] = [new Digest(sha256), new Digest(sha256)];
      for (const [id, at] of notices) {
        one.notice(id, at);
      }
      for (const [id, at] of notices.toReversed()) {
        other.notice(id, at);
      }
      expect(one.hex()).toBe(other.hex());
      const count = [...one.months().values()].reduce((sum, month) => sum + month.count, 0);
      expect(count).toBe(notices.length);
    }),
  );
});

it("the digest of nothing is the hash of nothing", () => {
  expect(new Digest(sha256).hex()).toBe(hex(sha256(new Uint8Array(0))));
});
