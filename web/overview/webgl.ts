/** Whether this browser can draw with WebGL. */

export function hasWebgl(): boolean {
  const canvas = document.createElement('canvas');
  const gl = canvas.getContext('webgl2') ?? canvas.getContext('webgl');
  // A browser keeps few contexts at a time; this one was only a question.
  gl?.getExtension('WEBGL_lose_context')?.loseContext();
  return gl !== null;
}
