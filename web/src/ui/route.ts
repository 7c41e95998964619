/**
 * Where the user is, in the hash of the address: no room id reaches a server. Dialogs and sheets
 * are layers: each has an entry in the browser's history, so that Back closes it.
 */
import { signal } from "@preact/signals";
import { type Id, isId } from "../core/id.ts";

export type Route =
  | { at: "home" }
  | { at: "room"; room: Id; side?: "details" | "receipts"; message?: Id; from?: Id }
  | { at: "people"; tab: "friends" | "requests" | "find" | "blocked" }
  | { at: "person"; user: Id }
  | { at: "invitations" }
  | { at: "notices" }
  | { at: "new"; tab: "create" | "find" }
  | { at: "search"; room?: Id }
  | { at: "settings"; section?: string };

export const route = signal<Route>({ at: "home" });

interface Layer {
  id: number;
  /** Told when the user wants to leave it. */
  leave: () => void;
  /** Whether it stays open then, for example to ask. */
  holds: () => boolean;
}

const layers: Layer[] = [];
let lastLayer = 0;

/** Returns the address of a route, for a link. */
export function href(to: Route): string {
  switch (to.at) {
    case "home":
      return "#/";
    case "room": {
      const side = to.side === undefined ? "" : `/${to.side}`;
      const message = to.message === undefined ? "" : `/${to.from ?? "-"}/${to.message}`;
      return `#/room/${to.room}${side}${message}`;
    }
    case "people":
      return `#/people/${to.tab}`;
    case "person":
      return `#/person/${to.user}`;
    case "new":
      return `#/new/${to.tab}`;
    case "search":
      return to.room === undefined ? "#/search" : `#/search/${to.room}`;
    case "settings":
      return to.section === undefined ? "#/settings" : `#/settings/${to.section}`;
    default:
      return `#/${to.at}`;
  }
}

/** Reads an address. What makes no sense is home. */
export function parse(hash: string): Route {
  const [at, ...rest] = hash.replace(/^#\/?/, "").split("/").map(decode);
  const [first, second] = rest;
  switch (at) {
    case "room":
      return first === undefined ? { at: "home" } : roomRoute(first, rest.slice(1));
    case "people":
      return { at, tab: first === "requests" || first === "find" || first === "blocked" ? first : "friends" };
    case "person":
      return first !== undefined && isId(first) ? { at, user: first } : { at: "home" };
    case "new":
      return { at, tab: first === "find" ? "find" : "create" };
    case "invitations":
    case "notices":
      return { at };
    case "search":
      return first === undefined ? { at } : { at, room: first };
    case "settings":
      return first === undefined || second !== undefined ? { at } : { at, section: first };
    default:
      return { at: "home" };
  }
}

function roomRoute(room: Id, rest: string[]): Route {
  const side = rest[0] === "details" || rest[0] === "receipts" ? rest[0] : undefined;
  const [from, message] = side === undefined ? rest : rest.slice(1);
  return {
    at: "room",
    room,
    ...(side === undefined ? {} : { side }),
    ...(from === undefined || message === undefined ? {} : { from, message }),
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * Goes somewhere. Closes every layer, and takes the place of its entry in the history. If a layer
 * holds the user, it is told, and the user stays.
 */
export function go(to: Route, how: "push" | "replace" = "push"): void {
  const holding = layers.findLast(({ holds }) => holds());
  if (holding !== undefined) {
    holding.leave();
    return;
  }
  const hadLayer = layers.length > 0;
  for (const layer of layers.splice(0).reverse()) {
    layer.leave();
  }
  if (hadLayer || how === "replace") {
    history.replaceState(null, "", href(to));
  } else {
    history.pushState(null, "", href(to));
  }
  route.value = parse(location.hash);
}

/** Goes back if there is something of the app to go back to; otherwise up to `to`. */
export function back(to: Route): void {
  go(to, "replace");
}

/** Opens a layer. Returns what closes it when something else than Back does. */
export function openLayer(leave: () => void, holds: () => boolean): () => void {
  const layer = { id: 0, leave, holds };
  enter(layer);
  return () => {
    const at = layers.indexOf(layer);
    if (at < 0) {
      return;
    }
    layers.splice(at, 1);
    if (layerHere() === layer.id) {
      history.back();
    }
  };
}

function enter(layer: Layer): void {
  lastLayer += 1;
  layer.id = lastLayer;
  layers.push(layer);
  history.pushState({ layer: layer.id }, "", href(route.peek()));
}

/** The layer of the entry where the browser is; 0 if it has none. */
function layerHere(): number {
  const state: unknown = history.state;
  return typeof state === "object" && state !== null && "layer" in state ? Number(state.layer) : 0;
}

/** Leaves the last layer after Back. One that holds the user has its entry again. */
function leaveLast(): boolean {
  const layer = layers.pop();
  if (layer?.holds() === true) {
    enter(layer);
    layer.leave();
    return false;
  }
  layer?.leave();
  return layer !== undefined;
}

/** Follows the address. Returns what ends it. */
export function followAddress(): () => void {
  const changed = () => {
    const here = layerHere();
    while ((layers.at(-1)?.id ?? 0) > here && leaveLast()) {
      // Back may have gone over several layers.
    }
    // The entry of a layer that is gone shows nothing, so Back goes over it.
    if (here !== 0 && here === layerHere() && !layers.some(({ id }) => id === here)) {
      history.back();
    }
    const next = parse(location.hash);
    if (href(next) !== href(route.peek())) {
      route.value = next;
    }
  };
  route.value = parse(location.hash);
  // A page that was loaded again has entries of the layers before.
  lastLayer = Math.max(lastLayer, layerHere());
  addEventListener("popstate", changed);
  addEventListener("hashchange", changed);
  return () => {
    removeEventListener("popstate", changed);
    removeEventListener("hashchange", changed);
  };
}
