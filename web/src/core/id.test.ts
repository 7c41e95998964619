import { expect, it } from "vitest";
import { idBytes, isId, NO_DEVICE } from "./id.ts";

it("an id has one spelling", () => {
  const id = "01a1fc99-2a1c-7098-8e77-5261408728b4";
  expect(isId(id) && isId(NO_DEVICE)).toBe(true);
  for (const other of [id.toUpperCase(), id.replaceAll("-", ""), `{${id}}`, `${id}\n`, "", 7, null]) {
    expect(isId(other)).toBe(false);
  }
});

it("an id is 16 bytes", () => {
  expect([...idBytes("01a1fc99-2a1c-7098-8e77-5261408728b4")]).toEqual([
    0x01, 0xa1, 0xfc, 0x99, 0x2a, 0x1c, 0x70, 0x98, 0x8e, 0x77, 0x52, 0x61, 0x40, 0x87, 0x28, 0xb4,
  ]);
});
