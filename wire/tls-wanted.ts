/** How a port of TLS begins its answer to whoever speaks plaintext to it. Agents go by it. */
export const tlsWanted = 'this port speaks TLS and nothing else';
