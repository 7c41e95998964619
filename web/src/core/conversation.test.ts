import { describe, expect, it } from "vitest";
import { type Case, runSteps, type Step, vectorCases } from "../../test/vectors/file.ts";
import { shuffled } from "../../test/vectors/shuffle.ts";
import { Conversation } from "./conversation.ts";
import { editedAt, reactionsOf, textOf } from "./slot.ts";

function conversationOf({ given }: Case): Conversation {
  return new Conversation(given.room, given.kind, given.capacity);
}

function play(conversation: Conversation, vector: Case): void {
  runSteps(vector, {
    apply: (message: never) => conversation.apply(message),
    apply_emptied: (message: never) => conversation.applyEmptied(message),
  });
}

/** Returns everything that a user can see. */
function state(conversation: Conversation): unknown {
  const entries = conversation.entries().map((slot) => ({
    message: slot.message,
    text: textOf(slot) ?? null,
    edited_at: editedAt(slot) ?? null,
    deleted_by: slot.deleted?.user ?? null,
    reactions: reactionsOf(slot),
  }));
  return { entries, waiting: conversation.waiting };
}

/** Without what each step answers: that depends on the order. */
function unanswered(steps: Step[]): Step[] {
  return steps.map(({ expect: _, ...step }) => step);
}

function check(vector: Case): void {
  const inOrder = conversationOf(vector);
  play(inOrder, vector);
  expect(state(inOrder)).toEqual(vector.then);
  if (vector.given.any_order !== true) {
    return;
  }
  const orders = [vector.steps.toReversed(), ...[1, 2, 3, 4, 5].map((seed) => shuffled(vector.steps, seed))];
  for (const steps of orders) {
    const disordered = conversationOf(vector);
    play(disordered, { ...vector, steps: unanswered(steps) });
    expect(state(disordered)).toEqual(vector.then);
  }
}

describe.each(["conversation.json", "conversation-generated.json.gz"])("%s", (file) => {
  it.each(vectorCases(file))("$name", check);
});
