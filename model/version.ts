/** The version of whotalks, as package.json has it. */
export const packageVersion = '0.1.0';
