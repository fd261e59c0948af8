/** Which panes there is room for (UI.md §4.1), and what the person opened or closed. */
class Layout {
  width = $state(innerWidth);
  panelOpen = $state<boolean | undefined>();
  views = $state(false); // the sheet with views, below 1440
  commandBar = $state(false);
  shortcuts = $state(false);

  phone = $derived(this.width < 768);
  panelInline = $derived(this.width >= 1200);
  sidebar = $derived(this.width >= 1440);
  /** The contact panel: open by itself only where it has its own column. */
  panel = $derived(this.panelOpen ?? this.panelInline);

  start(): () => void {
    const resize = () => {
      const inline = this.panelInline;
      this.width = innerWidth;
      if (inline !== this.panelInline) this.panelOpen = undefined;
    };
    addEventListener('resize', resize);
    return () => removeEventListener('resize', resize);
  }
}

export const layout = new Layout();
