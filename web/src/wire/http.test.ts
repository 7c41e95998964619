import { describe, expect, it } from "vitest";
import { type Answer, address, type Call, Http } from "./http.ts";

const never = () => new AbortController().signal;

function answering(response: Response): { http: Http; asked: [string, RequestInit][] } {
  const asked: [string, RequestInit][] = [];
  const http = new Http(async (...request) => {
    asked.push(request);
    return response;
  }, never);
  return { http, asked };
}

function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  const type = status < 400 ? "application/json" : "application/problem+json";
  return new Response(JSON.stringify(body), { status, headers: { "content-type": type, ...headers } });
}

const get: Call = { method: "GET", path: "/v1/me" };

describe("a call", () => {
  it("sends its body, its key and its query", async () => {
    const { http, asked } = answering(json({ room: 1 }, 201));
    const call: Call = {
      method: "POST",
      path: "/v1/rooms",
      body: { kind: "group" },
      idempotencyKey: "k1",
      keepalive: true,
    };
    const answer = await http.call({ ...call, query: { limit: 5, query: "a&b", cursor: undefined } });
    expect(answer).toEqual({ kind: "ok", status: 201, value: { room: 1 } });
    const [where, request] = asked[0] ?? [];
    expect(where).toBe("/v1/rooms?limit=5&query=a%26b");
    expect(request).toMatchObject({
      method: "POST",
      body: '{"kind":"group"}',
      keepalive: true,
      redirect: "error",
      credentials: "same-origin",
      headers: { "content-type": "application/json", "idempotency-key": "k1" },
    });
  });

  it("without a body says nothing of its type", async () => {
    const { http, asked } = answering(new Response(null, { status: 204 }));
    expect(await http.call(get)).toEqual({ kind: "ok", status: 204, value: undefined });
    expect(asked[0]?.[1].headers).toEqual({});
  });

  it("that is refused has the problem and the time to wait", async () => {
    const body = {
      type: "x",
      title: "x",
      status: 429,
      code: "rate_limited",
      detail: "too many",
      retry_after: 6,
    };
    const { http } = answering(json(body, 429, { "retry-after": "9" }));
    expect(await http.call(get)).toMatchObject({
      kind: "problem",
      status: 429,
      retryAfter: 6_000,
      problem: { code: "rate_limited" },
    });
  });

  it("answered by somebody else is foreign", async () => {
    const page = { headers: { "content-type": "text/html" } };
    const cases: [Response, Answer][] = [
      [new Response("<p>", page), { kind: "foreign", status: 200 }],
      [new Response("<p>", { status: 502, ...page }), { kind: "foreign", status: 502 }],
      [
        new Response("", { status: 503, headers: { "retry-after": "7" } }),
        { kind: "foreign", status: 503, retryAfter: 7_000 },
      ],
      [
        new Response("", { status: 503, headers: { "retry-after": "Mon" } }),
        { kind: "foreign", status: 503 },
      ],
      [
        new Response("{", { headers: { "content-type": "application/json" } }),
        { kind: "foreign", status: 200 },
      ],
      [json({ no: "problem" }, 401), { kind: "foreign", status: 401 }],
    ];
    for (const [response, answer] of cases) {
      expect(await answering(response).http.call(get)).toEqual(answer);
    }
  });

  it("waits no longer than a day", async () => {
    const { http } = answering(new Response("", { status: 503, headers: { "retry-after": "999999999" } }));
    expect(await http.call(get)).toMatchObject({ retryAfter: 86_400_000 });
  });
});

describe("a call without an answer", () => {
  const failing = (timeout: AbortSignal) =>
    new Http(
      () => Promise.reject(new TypeError("failed")),
      () => timeout,
    );

  it("is unreachable, and says why", async () => {
    expect(await failing(never()).call(get)).toEqual({ kind: "unreachable", why: "network" });
    expect(await failing(AbortSignal.abort()).call(get)).toEqual({ kind: "unreachable", why: "timeout" });
    const signal = AbortSignal.abort();
    expect(await failing(never()).call({ ...get, signal })).toEqual({
      kind: "unreachable",
      why: "cancelled",
    });
  });

  it("that ends within its body is unreachable too", async () => {
    const broken = new ReadableStream({ start: (controller) => controller.error(new TypeError("cut")) });
    const { http } = answering(new Response(broken, { headers: { "content-type": "application/json" } }));
    expect(await http.call(get)).toEqual({ kind: "unreachable", why: "network" });
  });
});

it("an address escapes what it is given", () => {
  expect(address({ path: "/v1/users", query: { query: "ä?&=" } })).toBe("/v1/users?query=%C3%A4%3F%26%3D");
});
