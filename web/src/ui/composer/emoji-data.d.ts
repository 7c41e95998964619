/** What `scripts/emoji.ts` makes of emojibase: a text for each group, an emoji a line. */
declare module "virtual:emoji-en" {
  const groups: string[];
  export default groups;
}
declare module "virtual:emoji-ru" {
  const groups: string[];
  export default groups;
}
