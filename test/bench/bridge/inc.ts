/** For pools that call what a file exports. */
export const inc = (n: number): number => n + 1
