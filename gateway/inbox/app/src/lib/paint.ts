/**
 * Runs something once what was drawn until now is on the screen: what a key asked for is seen first, and the rest of the
 * work follows. Returns how to call it off. Where nothing is painted, because the tab is hidden, it runs soon.
 */
export function afterPaint(run: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let frame = 0;
  if (document.hidden) timer = setTimeout(run);
  else frame = requestAnimationFrame(() => (timer = setTimeout(run)));
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
}

/** Runs something once what follows the next paint is on the screen, too: what nobody waits for. Returns how to call it off. */
export function afterAll(run: () => void): () => void {
  let stop = afterPaint(() => (stop = afterPaint(run)));
  return () => stop();
}
