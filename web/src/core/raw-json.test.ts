import fc from "fast-check";
import { expect, it } from "vitest";
import { oneLine, rawFields, wholeNumber } from "./raw-json.ts";

it("fields keep how they are written", () => {
  const json =
    ' { "a" : 1.50 , "b\\"}":{"x":[1,{"y":"},"}]}, "c":"\\u0041\\\\" ,"":null,"d":9223372036854775807 } ';
  expect([...rawFields(json)]).toEqual([
    ["a", "1.50"],
    ['b"}', '{"x":[1,{"y":"},"}]}'],
    ["c", '"\\u0041\\\\"'],
    ["", "null"],
    ["d", "9223372036854775807"],
  ]);
  expect([...rawFields("{}"), ...rawFields(" { } ")]).toEqual([]);
});

it("what is no object fails", () => {
  for (const text of ["", "[]", "null", '"{}"', "{", '{"a":1,}', '{"a":1}x', "7"]) {
    expect(() => rawFields(text)).toThrow(SyntaxError);
  }
});

it("the fields of any object are those of JSON.parse", () => {
  // Without an order of their own, two fields are compared as texts, and a value may have a field
  // `toString` that is no function.
  const byName = ([one]: [string, unknown], [other]: [string, unknown]) => (one < other ? -1 : 1);
  const object = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue());
  fc.assert(
    fc.property(object, fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
      const json = JSON.stringify(value, undefined, indent);
      const raw = [...rawFields(json)].map(([name, text]): [string, unknown] => [name, JSON.parse(text)]);
      const parsed: object = JSON.parse(json);
      expect(raw.sort(byName)).toEqual(Object.entries(parsed).sort(byName));
    }),
  );
});

it("line breaks go, and nothing else", () => {
  expect(oneLine('{"a":\r\n 1,"b":"\\n"}')).toBe('{"a":   1,"b":"\\n"}');
});

it("whole numbers have 64 bits", () => {
  expect(wholeNumber("9223372036854775807")).toBe(2n ** 63n - 1n);
  expect(wholeNumber("-9223372036854775808")).toBe(-(2n ** 63n));
  expect(wholeNumber("0")).toBe(0n);
  for (const other of ["9223372036854775808", "-0", "1.0", "1e3", "01", '"1"', "null", undefined]) {
    expect(wholeNumber(other)).toBeUndefined();
  }
});
