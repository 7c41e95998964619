/**
 * The fields of a JSON object as their texts. A record keeps what a device wrote byte for byte,
 * and `JSON.parse` does not: it rounds large numbers and forgets how they are written.
 */

/**
 * Returns the fields of an object, each with its JSON, in their order. Fails with `SyntaxError`
 * for other text.
 */
export function rawFields(json: string): Map<string, string> {
  const value: unknown = JSON.parse(json);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new SyntaxError("not an object");
  }
  // From here on the text is known to be an object of JSON.
  const fields = new Map<string, string>();
  let at = json.indexOf("{") + 1;
  for (;;) {
    const begin = json.indexOf('"', at);
    if (begin < 0) {
      return fields;
    }
    const end = afterString(json, begin);
    const name = JSON.parse(json.slice(begin, end)) as string;
    const from = json.indexOf(":", end) + 1;
    const to = afterValue(json, from);
    // Of a field that comes twice the last one counts, as in `JSON.parse`.
    fields.set(name, json.slice(from, to).trim());
    at = to + 1;
  }
}

/** Returns JSON without line breaks. In JSON they stand only between tokens. */
export function oneLine(json: string): string {
  return json.replace(/[\n\r]/g, " ");
}

/** Returns a whole number of 64 bits with a sign, or `undefined` if the JSON is something else. */
export function wholeNumber(json: string | undefined): bigint | undefined {
  if (json === undefined || !/^-?(?:0|[1-9]\d{0,18})$/.test(json) || json === "-0") {
    return undefined;
  }
  const number = BigInt(json);
  return BigInt.asIntN(64, number) === number ? number : undefined;
}

function afterString(json: string, begin: number): number {
  let at = begin + 1;
  while (json.charAt(at) !== '"') {
    at += json.charAt(at) === "\\" ? 2 : 1;
  }
  return at + 1;
}

/** Returns where the value ends: at the comma or the bracket that follows it. */
function afterValue(json: string, from: number): number {
  let depth = 0;
  for (let at = from; at < json.length; at += 1) {
    switch (json.charAt(at)) {
      case '"':
        at = afterString(json, at) - 1;
        break;
      case "{":
      case "[":
        depth += 1;
        break;
      case "}":
      case "]":
        if (depth === 0) {
          return at;
        }
        depth -= 1;
        break;
      case ",":
        if (depth === 0) {
          return at;
        }
        break;
    }
  }
  return json.length;
}
