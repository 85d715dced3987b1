/**
 * Refuses a Node.js that is too old, in one line, before anything newer than plain JavaScript is loaded.
 * Whoever imports this file loads the rest with import() after the check.
 */

/** Lowest version that runs whotalks, as in `engines` of package.json. */
const lowest = [20, 19];

/** Exits with 1 and says why when this Node.js is older than `lowest`. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > lowest[0] || (major === lowest[0] && minor >= lowest[1])) return;
  console.error(
    `whotalks needs Node.js ${lowest.join('.')} or newer, and this is ${process.versions.node}: install a newer one from your distribution or https://nodejs.org`,
  );
  process.exit(1);
}
