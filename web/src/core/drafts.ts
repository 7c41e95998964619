/**
 * What lies under what in the field of a room: an edit over what was typed, and over another edit
 * that is not saved. What is under comes back when what lies over it is sent or given up.
 */
import type { Id } from "./id.ts";
import type { Target } from "./message.ts";

export interface Layer {
  text: string;
  mentions: Id[];
  replyTo?: Target;
  /** The message that is edited. */
  editing?: Target;
  before?: Layer;
}

const EMPTY: Layer = { text: "", mentions: [] };

/**
 * Returns `next` over what is in the field. What is not worth keeping goes: an empty draft, and an
 * edit of which `isUnchanged` says that it changes nothing. An edit that is begun already goes on.
 */
export function onTop(now: Layer, next: Layer, isUnchanged: (layer: Layer) => boolean): Layer {
  const all = layers(now);
  const begun = all.find((layer) => isEdit(layer) && isSame(layer.editing, next.editing));
  const kept = all.filter((layer) => !isEmpty(layer) && !(isEdit(layer) && isUnchanged(layer)));
  return pile([begun ?? next, ...kept.filter((layer) => layer !== begun)]);
}

/** Returns what comes back from the outbox over what is in the field. Nothing is lost. */
export function givenBackOver(now: Layer, back: Layer): Layer {
  const all = layers(now);
  const begun = all.find((layer) => isEdit(layer) && isSame(layer.editing, back.editing));
  const kept = all.filter((layer) => !isEmpty(layer) && layer !== begun);
  const isMore = begun !== undefined && begun.text !== back.text;
  return pile([isMore ? { ...back, text: `${back.text}\n${begun.text}` } : back, ...kept]);
}

/** Returns a reply with what is typed. Edits that are not saved come after it. */
export function replying(now: Layer, replyTo: Target, isUnchanged: (layer: Layer) => boolean): Layer {
  const typed = layers(now).find((layer) => !isEdit(layer)) ?? EMPTY;
  const edits = layers(now).filter((layer) => isEdit(layer) && !isUnchanged(layer));
  return pile([{ ...typed, replyTo }, ...edits]);
}

/** Returns what comes back when what is in the field is sent or given up. */
export function uncovered({ before }: Layer): Layer {
  return before ?? EMPTY;
}

/** Returns the layers without those under them, the uppermost first. */
function layers(top: Layer): Layer[] {
  const all: Layer[] = [];
  for (let next: Layer | undefined = top; next !== undefined; next = next.before) {
    const { before: _before, ...layer } = next;
    all.push(layer);
  }
  return all;
}

function pile(all: Layer[]): Layer {
  return all.reduceRight<Layer | undefined>(
    (before, layer) => (before === undefined ? layer : { ...layer, before }),
    undefined,
  ) as Layer;
}

function isEdit({ editing }: Layer): boolean {
  return editing !== undefined;
}

function isEmpty({ text, replyTo, editing }: Layer): boolean {
  return text === "" && replyTo === undefined && editing === undefined;
}

function isSame(one: Target | undefined, other: Target | undefined): boolean {
  return one?.message === other?.message && one?.from === other?.from;
}
