/** `--nat`: whether conntrack is asked how connections are translated. */
export const natModes = ['auto', 'off'] as const;

export type NatMode = (typeof natModes)[number];
