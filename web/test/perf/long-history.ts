/** A backup with very many messages, as a user has them after years. */
import { writeBackup } from "../../src/backup/writer.ts";
import { type Item, itemOf } from "../../src/core/item.ts";
import type { Backup } from "../browser/history.ts";

export interface Writer {
  user: string;
  device: string;
}

export interface Plan {
  owner: Writer;
  other: Writer;
  /** How many messages each room has. */
  rooms: Record<string, number>;
  /** When the newest message was sent. */
  until: number;
}

/** The word that stands in the oldest message alone: a search for it reads everything. */
export const OLDEST = "sesquipedalian";
/** A word of every hundredth message. */
export const SELDOM = "lighthouse";
/** Between two messages. So 100,000 are two years. */
const STEP = 600_000;

const WORDS =
  "the a of to and in that it is was for on are with they be at one have this from by hot but some what there we can out other were all your when up use how said an each she which do their time if will way about many then them would write like so these her long make thing see him two has look more day could go come did my sound no most number who over know water than call first people may down side been now find any new work part take get place made live where after back little only round man year came show every good me give our under name very through just form much great think say help low line before turn cause same mean differ move right boy old too does tell sentence set three want air well also play small end put home read hand port large spell add even land here must big high such follow act why ask men change went light kind off need house picture try us again animal point mother world near build self earth father head stand own page should country found answer school grow study still learn plant cover food sun".split(
    " ",
  );

/** Numbers that look random, and are the same each time. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

/** A UUIDv7 of this time and number. */
export function idAt(time: number, number: number): string {
  const hex = time.toString(16).padStart(12, "0");
  const rest = number.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${rest}`;
}

/** Returns the room of the message with this place among those that are left. */
function roomOf(left: ReadonlyMap<string, number>, place: number): string {
  let before = 0;
  for (const [room, count] of left) {
    before += count;
    if (place < before) {
      return room;
    }
  }
  return "";
}

function* messages({ owner, other, rooms, until }: Plan): Generator<Item> {
  const total = Object.values(rooms).reduce((sum, count) => sum + count, 0);
  const left = new Map(Object.entries(rooms));
  const seqs = new Map<string, number>();
  const roll = dice(7);
  for (let at = 0; at < total; at += 1) {
    const sent = until - (total - at) * STEP;
    // The rooms take turns, each as often as it has messages.
    const room = roomOf(left, roll(total - at));
    left.set(room, (left.get(room) ?? 1) - 1);
    const from = roll(3) === 0 ? owner : other;
    const stream = `${from.device}/${room}`;
    const seq = (seqs.get(stream) ?? 0) + 1;
    seqs.set(stream, seq);
    const words = Array.from({ length: 3 + roll(18) }, () => WORDS[roll(WORDS.length)]);
    const body = [...words, ...(at === 0 ? [OLDEST] : at % 100 === 0 ? [SELDOM] : [])].join(" ");
    yield itemOf(
      "messages",
      JSON.stringify({
        id: idAt(sent, at),
        room,
        from: { ...from, role: "member" },
        kind: "text",
        body,
        epoch: until - total * STEP,
        seq,
        sent_at: sent,
      }),
    );
  }
}

export async function longHistory(plan: Plan): Promise<Backup> {
  const items = [...messages(plan)];
  const passphrase = "correct-horse-battery-staple";
  const stream = await writeBackup(
    {
      lock: { passphrase },
      app: "ferry-web/test",
      server: "http://127.0.0.1",
      user: plan.owner.user,
      now: plan.until,
      holes: 0,
      whole: [],
    },
    () => items,
  );
  const content = Buffer.from(await new Response(stream as BodyInit).arrayBuffer());
  return { name: "long.tar.gz.age", content, passphrase };
}
