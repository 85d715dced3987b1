/** Names come from processes and hosts that may lie: what cannot be seen in them is spelt out. */

/** Control characters, and the invisible ones that turn text around, such as U+202E. */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** `\u{202e}gnp.evil` for a name that would otherwise read "live.png". Everything visible stays as it is. */
export function visibleText(text: string): string {
  return text.replace(hidden, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
}
