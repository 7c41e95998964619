/** Holds frames against the description of the real ones: those of the fake relay and of the page. */
import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

interface Schema {
  properties?: Record<string, { const?: unknown; $ref?: string }>;
}

interface Document {
  operations: Record<Direction, { messages: { $ref: string }[] }>;
  components: {
    messages: Record<string, { payload: { $ref: string } }>;
    schemas: Record<string, Schema>;
  };
}

export interface Frame {
  type: string;
  [name: string]: unknown;
}

export type Direction = "fromRelay" | "fromDevice";

const text = readFileSync(new URL("../../../docs/asyncapi.json", import.meta.url), "utf8");
const { operations, components }: Document = JSON.parse(text);
const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema({ $id: "ferry:described", components }, "ferry:described");

const lastPart = (reference: string) => reference.split("/").at(-1) ?? "";

/** Allows no field that is not described: a page that reads one would find it in tests alone. */
function checkOf(schema: string): ValidateFunction {
  return ajv.compile({
    $ref: `ferry:described#/components/schemas/${schema}`,
    unevaluatedProperties: false,
  });
}

interface Check {
  whole: ValidateFunction;
  /** What a delivery brings has a field named like its type. */
  content: ValidateFunction | undefined;
}

function checksOf(direction: Direction): Map<unknown, Check> {
  const checks = new Map<unknown, Check>();
  for (const { $ref } of operations[direction].messages) {
    const name = lastPart(components.messages[lastPart($ref)]?.payload.$ref ?? "");
    const fields = components.schemas[name]?.properties ?? {};
    const type = fields["type"]?.const;
    const content = fields[String(type)]?.$ref;
    checks.set(type, {
      whole: checkOf(name),
      content: content === undefined ? undefined : checkOf(lastPart(content)),
    });
  }
  return checks;
}

const CHECKS = { fromRelay: checksOf("fromRelay"), fromDevice: checksOf("fromDevice") };

/** Fails if the protocol has no such frame in this direction. */
export function assertFrame(direction: Direction, frame: Frame): void {
  const check = CHECKS[direction].get(frame.type);
  const who = direction === "fromRelay" ? "relay" : "device";
  if (check === undefined) {
    throw new Error(`no ${who} sends a frame of the type ${frame.type}`);
  }
  const content = frame[frame.type];
  for (const [validate, value] of [
    [check.whole, frame],
    [check.content, content],
  ] as const) {
    if (validate !== undefined && !validate(value)) {
      throw new Error(
        `no ${who} sends such a ${frame.type}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(value)}`,
      );
    }
  }
}
