/** Which names announce a secret, and the one-letter options by which well-known programs take one. */

/** As part of a flag, a variable or a header. Broad on purpose: a value hidden needlessly costs little. */
const secretName =
  /pass|pwd|token|secret|key|auth|cred|bearer|cookie|session|signature|salt|private|webhook|dsn|conn(?:ection)?[-_]?str|licen[cs]e|mnemonic|seed|nonce|community|(?:^|[-_.])(?:pw|pin|otp|totp|pat|jwt|sas|sid|mfa)(?:$|[-_.])/i;

/** A name that ends like this says where a secret lies, not what it is. */
const placeName = /(?:file|path|dir|location)$/i;

/** Words that are followed by a secret even when they stand alone: `vault login token ...`, `Bearer ...`. */
const announcingWord = /^(?:bearer|basic|digest|negotiate|login|password|passwd|token|secret|api-?key)$/i;

/** One-letter options that take a secret, by the program's name. */
const secretOptions: readonly { readonly program: RegExp; readonly letters: string }[] = [
  { program: /^(?:mysql|mariadb)/, letters: 'p' },
  { program: /^mongo/, letters: 'p' },
  { program: /^sshpass$/, letters: 'p' },
  { program: /^redis-cli$/, letters: 'a' },
  { program: /^curl$/, letters: 'uUHb' },
  { program: /^ldap/, letters: 'w' },
  { program: /^(?:smbclient|rpcclient|mount\.cifs)$/, letters: 'U' },
  { program: /^(?:sqlcmd|bcp)$/, letters: 'P' },
  { program: /^(?:docker|podman|skopeo|helm|rabbitmqadmin)$/, letters: 'p' },
];

export function isSecretName(name: string): boolean {
  return secretName.test(name) && !placeName.test(name);
}

export function announcesSecret(word: string): boolean {
  return announcingWord.test(word);
}

/** @param program base name of the program, as started */
export function takesSecret(program: string, letter: string): boolean {
  return secretOptions.some((option) => option.program.test(program) && option.letters.includes(letter));
}
