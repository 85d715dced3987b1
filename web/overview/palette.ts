/** The page's colours for a canvas, which cannot read style sheets by itself. */

export interface Palette {
  readonly ink: string;
  readonly paper: string;
  readonly service: string;
  readonly unobserved: string;
  readonly bothEnds: string;
  readonly oneEnd: string;
  readonly accent: string;
  readonly faded: string;
}

/** Reads the custom properties that apply to `element` now; dark and light differ. */
export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const read = (name: string): string => style.getPropertyValue(name).trim();
  return {
    ink: read('--ink'),
    paper: read('--paper'),
    service: read('--node'),
    unobserved: read('--one-end'),
    bothEnds: read('--overview-line'),
    oneEnd: read('--overview-one-end'),
    accent: read('--accent'),
    faded: read('--faded'),
  };
}
