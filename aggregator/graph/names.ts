/** Names of ends as numbers, so that edges are told apart without texts. A name that nobody uses gives its number back. */

export class Names {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];
  readonly #uses: number[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#numbers.size;
  }

  /** One more use of a name. @returns its number */
  retain(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) {
      this.#uses[known]! += 1;
      return known;
    }
    const number = this.#free.pop() ?? this.#texts.length;
    this.#numbers.set(text, number);
    this.#texts[number] = text;
    this.#uses[number] = 1;
    return number;
  }

  /** One more use of a name that is in use. */
  retainAgain(number: number): void {
    this.#uses[number]! += 1;
  }

  release(number: number): void {
    this.#uses[number]! -= 1;
    if (this.#uses[number] !== 0) return;
    this.#numbers.delete(this.#texts[number]!);
    this.#texts[number] = '';
    this.#free.push(number);
  }

  textOf(number: number): string {
    return this.#texts[number]!;
  }
}
