/** Holds the answers of the fake relay against the description of the real one. */
import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { Call } from "./reply.ts";

interface Operation {
  responses: Record<string, { $ref?: string }>;
}

const text = readFileSync(new URL("../../../docs/openapi.json", import.meta.url), "utf8");
const document = JSON.parse(text, (key, value: unknown) =>
  // Names of tests are short, and their times are small: only the form is checked.
  ["pattern", "minLength", "format"].includes(key) && typeof value !== "object" ? undefined : value,
);
const ajv = new Ajv2020({ strict: false });
ajv.addSchema(document, "openapi");
const checks = new Map<string, ValidateFunction>();

/** Fails if the relay's description has no such answer to such a call. */
export function assertDescribed({ method, path }: Call, status: number, body: unknown): void {
  const template = templateOf(path);
  const operation: Operation | undefined = document.paths[template ?? ""]?.[method.toLowerCase()];
  if (template === undefined || operation === undefined) {
    throw new Error(`no relay knows ${method} ${path}`);
  }
  const response = operation.responses[String(status)];
  if (response === undefined) {
    throw new Error(`no relay answers ${status} to ${method} ${template}`);
  }
  const base = response.$ref ?? `#/paths/${escaped(template)}/${method.toLowerCase()}/responses/${status}`;
  const type = status < 400 ? "application/json" : "application/problem+json";
  const resolved = base
    .split("/")
    .slice(1)
    .map(unescaped)
    .reduce((at, name) => at?.[name], document);
  if (resolved?.content?.[type] === undefined) {
    if (body !== undefined) {
      throw new Error(`a relay answers ${method} ${template} with an empty ${status}`);
    }
    return;
  }
  const pointer = `openapi${base}/content/${escaped(type)}/schema`;
  const check = checks.get(pointer) ?? ajv.compile({ $ref: pointer });
  checks.set(pointer, check);
  if (!check(body)) {
    throw new Error(`no relay answers ${method} ${template} so: ${ajv.errorsText(check.errors)}`);
  }
}

/** Returns the path of the description that a path fits. One that names a word goes first. */
function templateOf(path: string): string | undefined {
  const fits = (template: string) => {
    const shape = template.replace(/\{\w+\}/g, "[^/]+");
    return new RegExp(`^${shape}$`).test(path);
  };
  const all = Object.keys(document.paths).filter(fits);
  return all.find((template) => template === path) ?? all[0];
}

function escaped(part: string): string {
  return part.replaceAll("~", "~0").replaceAll("/", "~1").replaceAll("{", "%7B").replaceAll("}", "%7D");
}

function unescaped(part: string): string {
  return decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
}
