/** Everything that the interface knows of a channel by name: its glyph and ground. An unknown kind gets the neutral default. */
export interface KindLook {
  ground: string;
  glyph: string;
}

const LOOKS: Record<string, KindLook> = {
  whatsapp: { ground: 'var(--brand-whatsapp)', glyph: 'M4 20l1.200-4A8 8 0 1112 20a8 8 0 01-3.800-1zM9 9.500c.5 3 2.500 5 5.500 5.500' },
  whatsapp_web: { ground: 'var(--brand-whatsapp)', glyph: 'M4 20l1.200-4A8 8 0 1112 20a8 8 0 01-3.800-1zM9 9.500c.5 3 2.500 5 5.500 5.500' },
  instagram: { ground: 'var(--brand-instagram)', glyph: 'M4 8a4 4 0 014-4h8a4 4 0 014 4v8a4 4 0 01-4 4H8a4 4 0 01-4-4zM12 15.500a3.500 3.500 0 100-7 3.500 3.500 0 000 7zM17 7v.1' },
  messenger: { ground: 'var(--brand-messenger)', glyph: 'M12 4c5 0 8.500 3.300 8.500 7.500S17 19 12 19c-1 0-2-.1-2.900-.4L6 20.500v-3.300A7.300 7.300 0 013.500 11.500C3.500 7.300 7 4 12 4zM8 13l3-3 2.500 2L16.500 9.500' },
  telegram: { ground: 'var(--brand-telegram)', glyph: 'M3.500 11.500L20.500 5l-2.500 14-6.500-4.500zM11.500 14.500L20 5.500M11.500 14.500v4.500l2.500-2.800' },
  sms: { ground: 'var(--brand-sms)', glyph: 'M4 5h16v11H10l-5 4v-4H4zM9 10.500v.1M12 10.500v.1M15 10.500v.1' },
  email: { ground: 'var(--brand-email)', glyph: 'M3 6h18v12H3zM3 8l9 5.500L21 8' },
  webchat: { ground: 'var(--brand-webchat)', glyph: 'M12 20a8 8 0 100-16 8 8 0 000 16zM4 12h16M12 4c2.500 3 2.500 13 0 16M12 4c-2.500 3-2.500 13 0 16' },
};

const UNKNOWN: KindLook = { ground: 'var(--brand-api)', glyph: 'M4 5h16v11H10l-5 4v-4H4z' };

export function look(kind: string): KindLook {
  return LOOKS[kind] ?? UNKNOWN;
}
