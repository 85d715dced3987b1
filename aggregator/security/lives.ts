/** How long keys and certificates are good. Apart from what makes them, so that settings can name them without loading that. */

const dayMs = 24 * 3_600_000;

export const caLifeMs = 3650 * dayMs;

/** Of the server's certificate; it is replaced at half of it. */
export const serverLifeMs = 30 * dayMs;

/** Of an agent's certificate, where nobody says otherwise. */
export const agentLifeMs = dayMs;

/** A certificate is good from so long before it was made: the clock of whoever looks at it may be behind. */
export const backdatedMs = 5 * 60_000;
