// The seeded shop: Mavi Ev, a Turkish ceramics shop, with every kind of message and state.
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';

export function world(now) {
  let n = 0;
  const id = () => {
    const h = createHash('sha256').update(`gatehouse-${n++}`).digest('hex');
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-7${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20, 32)}`;
  };
  const at = (minutesAgo) => new Date(now - minutesAgo * 60e3).toISOString();
  const ahead = (minutes) => new Date(now + minutes * 60e3).toISOString();

  const departments = [
    { id: id(), name: 'Destek', description: 'Sipariş, kargo ve ürün soruları', color: 0, policy: 'least_busy', sticky: true, return_on_break: false, return_after_s: 1200 },
    { id: id(), name: 'Satış', description: 'Toptan ve özel sipariş', color: 1, policy: 'round_robin', sticky: true, return_on_break: true, return_after_s: 0 },
    { id: id(), name: 'İade ve Değişim', description: 'Kırık, eksik, beğenilmeyen', color: 2, policy: 'longest_idle', sticky: false, return_on_break: false, return_after_s: 1800 },
  ];
  const [destek, satis, iade] = departments.map((d) => d.id);
  const break_reasons = ['Öğle yemeği', 'Kısa mola', 'Eğitim'].map((label, i) => ({ id: id(), label, position: i + 1, disabled: false }));
  const end_reasons = ['Çözüldü', 'Yanıt gelmedi', 'İade açıldı', 'Satış yapıldı', 'İstenmeyen'].map((label, i) => ({ id: id(), label, position: i + 1, disabled: i === 4 }));

  const ALL = ['accounts', 'agents', 'departments', 'end_reasons', 'canned_replies', 'templates', 'api_keys', 'assign', 'see_all'];
  const person = (name, mail, extra) => ({
    id: id(), name, email: `${mail}@maviev.com`, role: 'agent', state: 'active', behavior: 'normal', capacity: 15, languages: ['tr'], departments: [destek], presence: 'offline', presence_since: at(300), permissions: [], seen_at: at(0), ...extra,
  });
  const agents = [
    person('Deniz Acar', 'deniz', { role: 'admin', permissions: ALL, presence: 'online', presence_since: at(96), departments: [destek, iade], languages: ['tr', 'en'] }),
    person('Merve Koç', 'merve', { role: 'manager', permissions: ['assign', 'end_reasons', 'canned_replies', 'templates'], presence: 'online', behavior: 'normal_and_assigned', capacity: 12, fixedLoad: 11, departments: [destek, satis], languages: ['tr', 'en'] }),
    person('Burak Ersoy', 'burak', { presence: 'break', break_reason: break_reasons[0].id, presence_since: at(18), fixedLoad: 4, seen_at: at(18) }),
    person('Hannah Fischer', 'hannah', { presence: 'online', fixedLoad: 15, departments: [satis], languages: ['de', 'en'] }),
    person('Emre Güneş', 'emre', { presence: 'online', behavior: 'assigned_only', capacity: 10, fixedLoad: 2, departments: [satis] }),
    person('Şeyma Uçar', 'seyma', { departments: [iade], seen_at: at(1400) }),
    person('Tolga Işık', 'tolga', { capacity: 8, seen_at: at(4400) }),
    person('Aslı Yücel', 'asli', { must_change_password: true, seen_at: undefined }),
    person('Kaan Öztürk', 'kaan', { role: 'admin', behavior: 'normal_and_assigned', departments: [destek, satis, iade], seen_at: at(320) }),
    person('Muhammed Abdülkerim Karahasanoğlu-Yıldırım', 'muhammed.abdulkerim', { presence: 'online', fixedLoad: 7, departments: [destek, satis, iade] }),
    person('Noah Bennett', 'noah', { state: 'disabled', departments: [satis], seen_at: at(60 * 24 * 30) }),
  ];
  const [deniz, merve] = agents.map((a) => a.id);

  const window = { open_s: 86400, human_agent_s: 0, templates: true, free_entry_s: 259200 };
  const media = {
    image: { types: ['image/jpeg', 'image/png'], bytes: 5 << 20 }, video: { types: ['video/mp4', 'video/3gpp'], bytes: 16 << 20 }, audio: { types: ['audio/aac', 'audio/mpeg', 'audio/ogg'], bytes: 16 << 20 },
    voice: { types: ['audio/ogg'], bytes: 16 << 20 }, document: { types: ['application/pdf', 'text/plain', 'application/msword'], bytes: 100 << 20 }, sticker: { types: ['image/webp'], bytes: 512 << 10 },
  };
  const limits = (extra) => ({ templates: false, text_limit: 4096, text_bytes: false, caption: 1024, media, location: true, reactions: true, reply_to: true, buttons: 3, list: true, typing: true, read_marks: true, delivered: true, read: true, ...extra });
  const secret = (name, label) => ({ name, label, secret: true, required: true });
  const graph = [
    { name: 'graph_base_url', label: 'Graph API address', secret: false, required: false, default: 'https://graph.facebook.com' },
    { name: 'graph_version', label: 'Graph API version', secret: false, required: false, default: 'v25.0' },
  ];
  const kinds = [
    { kind: 'whatsapp', label: 'WhatsApp', webhook: true, window, limits: limits({ templates: true }), settings: [
      { name: 'phone_number_id', label: 'Phone number ID', help: 'WhatsApp Manager → API setup. Digits only.', secret: false, required: true },
      { name: 'business_account_id', label: 'Business account ID', secret: false, required: true }, secret('access_token', 'Access token'), secret('app_secret', 'App secret'), secret('verify_token', 'Verify token'), ...graph] },
    { kind: 'instagram', label: 'Instagram', webhook: true, window: { ...window, templates: false, human_agent_s: 604800 }, limits: limits({ text_limit: 1000, text_bytes: true, caption: 0, list: false }), settings: [
      { name: 'instagram_id', label: 'Instagram ID', secret: false, required: true }, secret('access_token', 'Access token'), secret('app_secret', 'App secret'), secret('verify_token', 'Verify token'), ...graph] },
    { kind: 'messenger', label: 'Messenger', webhook: true, window: { ...window, templates: false, human_agent_s: 604800 }, limits: limits({ text_limit: 2000, caption: 0 }), settings: [secret('access_token', 'Access token'), secret('app_secret', 'App secret')] },
    { kind: 'webchat', label: 'Web chat', webhook: false, window: { open_s: 0, human_agent_s: 0, templates: false, free_entry_s: 0 }, limits: limits({ text_limit: 10000 }), settings: [
      { name: 'allowed_origins', label: 'Allowed origins', help: 'Separated by spaces.', secret: false, required: true }, { name: 'color', label: 'Brand colour', help: 'As #RRGGBB.', secret: false, required: false, default: '#3654D1' }] },
  ];
  const account = (kind, name, address, department_id, extra) => {
    const k = kinds.find((x) => x.kind === kind);
    const own = id();
    return { id: own, kind, name, address, state: 'connected', state_reason: '', department_id, language: 'tr', settings: Object.fromEntries((k?.settings ?? []).filter((s) => !s.secret).map((s) => [s.name, s.default ?? '1029384756'])), secrets_set: (k?.settings ?? []).filter((s) => s.secret).map((s) => s.name), webhook_url: k?.webhook ? `https://desk.maviev.com/webhooks/${kind}/${own}` : undefined, templates_synced_at: k?.limits.templates ? at(42) : undefined, ...extra };
  };
  const accounts = [
    account('whatsapp', 'Mavi Ev', '+90 850 304 18 21', destek), account('instagram', '@maviev', 'maviev', destek), account('webchat', 'maviev.com', 'maviev.com', satis),
    account('messenger', 'Mavi Ev Seramik', 'maviev.seramik', satis, { state: 'degraded', state_reason: 'not_subscribed' }), account('whatsapp', 'Mavi Ev Toptan', '+90 850 304 18 99', satis, { state: 'disconnected', state_reason: 'token_expired' }),
    account('sms', 'SMS', 'MAVIEV', destek),
  ];
  const [wa, ig, web, ms, waToptan, sms] = accounts.map((a) => a.id);

  // --- files -------------------------------------------------------------------------------------------------------------
  const files = new Map();
  const mediaById = new Map();
  const file = (type, bytes, extra) => {
    const m = { id: id(), state: 'ready', type, size: bytes.length, ...extra };
    files.set(m.id, { type, bytes });
    m.url = `/api/v1/media/${m.id}`;
    if (extra?.thumb) m.thumb_url = m.url;
    mediaById.set(m.id, m);
    return m;
  };
  const plate = file('image/png', png(576, 384, (x, y) => {
    const ellipse = (cx, cy, rx, ry) => ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1;
    const chip = x > 96 && x < 150 && y > 150 && y < 220 && x + y / 2 < 225;
    if (ellipse(290, 215, 115, 42)) return [78, 138, 160];
    if (ellipse(290, 212, 150, 60)) return [62, 119, 141];
    if (ellipse(290, 212, 195, 84) && !chip) return [78, 138, 160];
    if (ellipse(290, 224, 195, 84) && !chip) return [47, 95, 115];
    return y > 230 ? [140, 117, 88] : [185, 169, 143];
  }), { width: 576, height: 384, thumb: true });
  const tall = file('image/png', png(240, 420, (x, y) => [200 - (y >> 2), 150 + (x >> 3), 120 + (y >> 3)]), { width: 240, height: 420, thumb: true });
  const voice = file('audio/wav', wav(4), { duration_ms: 14_000, voice: true });
  const pdf = file('application/pdf', Buffer.from('%PDF-1.4 mock'), { name: 'Fatura MV-20431.pdf', size: 248_310 });

  const conversations = [];
  const contacts = [];
  const history = {};
  const conversation = (name, o) => {
    const contact = { id: id(), name: '', display_name: name, language: 'tr', opted_out: false, created_at: o.since ?? at(60 * 24 * 400), identities: [{ id: id(), kind: accounts.find((a) => a.id === o.account).kind, type: 'phone', value: o.address ?? '+90 533 204 18 96', profile_name: name, username: '' }], ...o.contact };
    contact.identities.push(...(o.more ?? []).map((x) => ({ id: id(), type: 'id', profile_name: '', username: '', ...x })));
    contacts.push(contact);
    const c = {
      id: id(), account_id: o.account, contact: { id: contact.id, name: contact.display_name, address: contact.identities[0].value, has_name: o.has_name ?? true }, department_id: o.department ?? destek, agent_id: o.agent, status: o.status ?? 'assigned',
      controller: o.status === 'waiting' ? 'queue' : 'agent', priority: 0, last_seq: 0, read_seq: 0, unread: 0, last_message_at: at(0), preview: { text: '', kind: 'text', direction: 'in', status: 'received' }, created_at: at(600), window: o.window ?? { phase: 'open', shuts_at: ahead(1437) },
      waiting_since: o.status === 'waiting' ? at(o.waits ?? 5) : undefined, ended_at: o.status === 'closed' ? at(o.ended ?? 600) : undefined, messages: [], events: [], drafts: {},
    };
    for (const step of o.steps) {
      c.last_seq++;
      if (step.event) {
        c.events.push({ conversation_id: c.id, seq: c.last_seq, kind: step.event, at: at(step.ago), actor: step.actor, data: step.data });
        continue;
      }
      const { ago, out, note, ref, reply, ...fields } = step;
      const m = { id: id(), conversation_id: c.id, seq: c.last_seq, direction: note ? 'note' : out ? 'out' : 'in', kind: 'text', text: '', status: out ? 'read' : note ? 'sent' : 'received', source: out || note ? 'agent' : 'contact', agent_id: out || note ? deniz : undefined, created_at: at(ago), sort_at: at(ago), attempt: 1, ...fields };
      if (reply) m.reply_to = c.messages.find((x) => x.ref === reply).id;
      if (ref) Object.defineProperty(m, 'ref', { value: ref, enumerable: false });
      c.messages.push(m);
      c.events.push({ conversation_id: c.id, seq: c.last_seq, kind: 'message', at: m.created_at, actor: m.agent_id, message: m });
    }
    const last = c.messages.findLast((m) => m.direction !== 'note') ?? c.messages.at(-1);
    if (last) {
      c.last_message_at = last.created_at;
      c.preview = { text: last.text || last.media?.[0]?.name || '', kind: last.kind, direction: last.direction, status: last.status };
      if (last.direction === 'in') c.last_inbound_at = last.created_at;
    }
    c.unread = o.unread ?? 0;
    const incoming = c.messages.filter((m) => m.direction === 'in');
    c.read_seq = o.unread ? (incoming.at(-o.unread - 1)?.seq ?? 0) : c.last_seq;
    if (o.draft) c.drafts[`${deniz}.reply`] = { text: o.draft, updated_at: at(1) };
    conversations.push(c);
    return c;
  };
  const text = (ago, t, extra) => ({ ago, text: t, ...extra });
  const out = (ago, t, extra) => ({ ago, text: t, out: true, ...extra });
  const assigned = (ago, how = 'automatic', actor, to = deniz) => ({
    ago, event: 'assigned', actor,
    data: { to, how, load: 10, capacity: 15, decision: how === 'automatic' ? { outcome: 'assigned', agent: to, reason: 'sticky_last_agent', candidates: [deniz, merve], candidate_count: 2, skipped: [{ agent: agents[2].id, reason: 'on_break' }, { agent: agents[6].id, reason: 'offline' }, { agent: agents[4].id, reason: 'behavior' }] } : undefined },
  });

  const elif = conversation('Elif Yıldız', {
    account: wa, agent: deniz, more: [{ kind: 'instagram', value: '17841400000', username: 'elif.yldz' }],
    draft: 'Elif Hanım, fotoğraf için teşekkürler. İki tabağı da ücretsiz değiştiriyoruz; yenileri yarın kargoda olur',
    steps: [
      { ago: 19, event: 'queued', data: { department: destek, why: 'new' } }, assigned(18),
      text(7, 'Merhaba, dün gelen 6’lı tabak setinde kırık var 😕'), text(6.9, 'Sipariş no MV-20431'),
      out(5, 'Merhaba Elif Hanım, çok üzüldüm. Kırılan tabağın bir fotoğrafını gönderebilir misiniz?', { ref: 'ask' }),
      text(2, 'Köşesi böyle gelmiş, iki tabakta da var', { kind: 'image', media: [plate], reply: 'ask', reactions: [{ direction: 'out', emoji: '❤️' }] }),
      text(1, '@Deniz kargo hasarı, HASAR koduyla ücretsiz değişim açabilirsin.', { note: true, agent_id: merve }),
      out(0.3, 'Hemen bakıyorum, değişim kaydını açıyorum.', { status: 'failed', error: { code: 'account_disconnected', provider: '190', detail: 'Error validating access token' } }),
    ],
  });
  // The list shows what the customer wrote last, as in the prototype.
  elif.preview = { text: 'Köşesi böyle gelmiş, iki tabakta da var', kind: 'image', direction: 'in', status: 'received' };
  elif.window = { phase: 'open', shuts_at: ahead(1437) };
  history[elif.contact.id] = [
    { id: id(), account_id: ig, kind: 'instagram', status: 'closed', last_message_at: at(60 * 24 * 40), ended_at: at(60 * 24 * 40), end_reason: 'Çözüldü', agent_id: deniz, preview: 'Stok sorusu, mavi kase' },
    { id: id(), account_id: web, kind: 'webchat', status: 'closed', last_message_at: at(60 * 24 * 86), ended_at: at(60 * 24 * 86), end_reason: 'Çözüldü', agent_id: merve, preview: 'Adres değişikliği' },
    { id: id(), account_id: wa, kind: 'whatsapp', status: 'closed', last_message_at: at(60 * 24 * 194), ended_at: at(60 * 24 * 194), end_reason: 'Yanıt gelmedi', preview: 'Sipariş MV-18802' },
  ];
  conversation('Burak Şahin', { account: ig, agent: deniz, unread: 3, address: '@burak.sahin', steps: [assigned(60), out(55, 'Kargonuz bugün yola çıkıyor.'), text(5, 'Teşekkürler'), text(4, 'Peki takip numarası?'), text(3.4, 'Kargo takip numarası hâlâ açılmadı, ne zaman açılır acaba?')] });
  conversation('Hannah Weber', { account: web, agent: deniz, department: satis, window: { phase: 'none' }, contact: { language: 'de' }, steps: [assigned(30), text(6, 'Hi! Do you ship the blue bowls to Munich?'), out(5, 'Yes, three to five days. Would you like a quote?')] });
  conversation('Mehmet Kaya', { account: wa, agent: deniz, unread: 1, window: { phase: 'closing', shuts_at: ahead(48) }, steps: [assigned(200), out(60, 'Faturanız e-posta ile gönderildi.', { kind: 'document', media: [pdf], status: 'delivered' }), text(17, 'Tamam, teşekkürler. Bir de fatura adresi değişecek, mümkün mü?')] });
  conversation('Aylin Demir', { account: ig, agent: deniz, department: iade, address: '@aylindmr', window: { phase: 'human', human_until: ahead(60 * 123) }, draft: 'Merhaba Aylin Hanım, iade kodunuz', steps: [assigned(1500), text(1490, 'İade etmek istiyorum'), text(40, '', { kind: 'voice', media: [voice] })] });
  conversation('James Okafor', { account: web, agent: deniz, window: { phase: 'none' }, contact: { language: 'en' }, steps: [assigned(200), text(58, 'Order MV-20418 arrived with a missing lid')] });
  conversation('+90 532 418 20 77', { account: sms, agent: deniz, has_name: false, address: '+90 532 418 20 77', window: { phase: 'none' }, steps: [assigned(200), text(170, 'Siparişim nerede?'), out(166, 'Kargoya verildi, takip numaranız 41220.', { status: 'failed', error: { code: 'undeliverable', provider: '131026', detail: 'Message undeliverable' } })] });
  conversation('Zeynep Arslan', { account: ms, agent: deniz, department: satis, address: 'zeynep.arslan', steps: [assigned(300), text(210, 'Ne zaman gelir?'), out(198, 'Siparişiniz yarın kargoda olacak', { status: 'unknown' })] });
  const selin = conversation('Selin Çelik', { account: wa, agent: deniz, department: satis, address: '+90 555 872 40 11', since: at(1600), window: { phase: 'closed' }, steps: [
    assigned(1600), text(1589, 'Merhaba, Ege serisi beyaz kahvaltı takımı tekrar gelecek mi?'), out(1584, 'Merhaba Selin Hanım, haftaya stokta olmasını bekliyoruz. Gelince haber vermemi ister misiniz?'), text(1581, 'Evet lütfen! Beyaz olanı ne zaman gelir acaba?'), { ago: 141, event: 'window' },
  ] });
  history[selin.contact.id] = [];
  conversation('Okan Tunç', { account: wa, agent: deniz, contact: { opted_out: true }, window: { phase: 'opted_out' }, steps: [assigned(1700), text(1700, 'Bir daha mesaj atmayın'), { ago: 1699, event: 'opt_out' }, out(1690, 'Görüşmek üzere, iyi günler dileriz.', { status: 'delivered' })] });

  // Everything a message can be, for the longest and oddest content.
  const kinds99 = [assigned(3000), { ago: 2990, event: 'queued', data: { department: destek, why: 'returned', from: merve } }, { ago: 2985, event: 'pended', actor: merve }, { ago: 2980, event: 'reopened' }, assigned(2970, 'assigned', merve)];
  for (let i = 0; i < 130; i++) kinds99.push(i % 3 ? text(2900 - i * 12, `${i + 1}. ${['Merhaba', 'Teşekkür ederim', 'Bir sorum daha var', 'Fiyatı nedir?'][i % 4]}`) : out(2900 - i * 12, `${i + 1}. yanıt: hemen bakıyorum.`, { status: ['sent', 'delivered', 'read'][i % 3] }));
  kinds99.push(
    text(300, 'Konumum', { kind: 'location', location: { latitude: 38.4237, longitude: 27.1428, name: 'Alsancak', address: 'Kıbrıs Şehitleri Cd. 12, İzmir' } }),
    text(290, '', { kind: 'contacts', contacts: [{ name: { formatted_name: 'Ayşe Yılmaz' }, phones: [{ phone: '+90 505 111 22 33' }] }] }),
    text(280, '', { kind: 'image', media: [tall] }), text(270, 'Geç kalan', { kind: 'image', media: [{ id: id(), state: 'pending', type: 'image/jpeg', width: 400, height: 300 }] }),
    text(268, '', { kind: 'document', media: [{ ...pdf, id: id(), name: 'cok_uzun_bir_dosya_adi_kesilmeden_gosterilmesi_gereken_sozlesme_ve_ekleri_son_hali_v7.pdf' }] }), text(265, '', { kind: 'video', media: [{ id: id(), state: 'failed', type: 'video/mp4' }] }),
    text(260, 'Bu siparişi verdim', { kind: 'order', order: { items: [{ sku: 'EGE-KASE-15', quantity: 2, price: '420,00' }, { sku: 'TOPRAK-18', quantity: 1, price: '510,00' }], total: '1.350,00', currency: 'TRY' } }),
    text(255, '', { kind: 'unsupported', unsupported: { type: 'poll', code: '131051', detail: 'Message type unknown' } }), text(250, 'Reklamınızı gördüm', { referral: { headline: 'Ege serisi %20 indirim', source: 'ad' } }),
    text(245, '', { kind: 'interactive', choice: { type: 'button', id: 'evet' }, text: 'Evet, istiyorum' }), out(240, 'Merhaba Ayşe Hanım, siparişiniz kargoda.', { kind: 'template', template: { id: 'x', name: 'siparis_kargoda', language: 'tr', category: 'UTILITY' }, buttons: [{ id: '1', title: 'Takip et' }], status: 'played' }),
    text(238, 'silindi', { deleted_at: at(237) }), text(236, 'Düzeltiyorum: iki tane', { edited_at: at(235), forwarded: 'frequently' }), out(230, 'Telefondan yazdım', { source: 'phone_app', agent_id: undefined, status: 'sent' }),
    out(60, 'Bekleyen mesaj', { status: 'pending', due_at: ahead(1) }), text(20, 'https://maviev.com/ege-serisi/kahvalti-takimi?utm_source=whatsapp&utm_campaign=kasim bağlantısındaki ürün hâlâ var mı? ' + 'Uzun bir mesaj da böyle görünür. '.repeat(40)),
  );
  conversation('Muhammed Abdülkerim Karahasanoğlu-Yıldırım', { account: wa, agent: deniz, unread: 120, steps: kinds99 });

  const names = ['Kerem Aksoy', 'Sophie Laurent', 'Gökçe Ünal', 'Ömer Faruk', 'Ayşe Polat', 'Daniel Cho', 'Fatma Şen', 'İpek Doğan', 'Ceren Işık', 'Jonas Meyer', 'Nil Erdem', 'Barış Uygur'];
  names.forEach((name, i) => conversation(name, { account: [ig, wa, web][i % 3], department: [iade, destek, satis][i % 3], status: 'waiting', waits: 9.8 - i * 0.75, window: i % 3 === 2 ? { phase: 'none' } : { phase: 'open', shuts_at: ahead(1400 - i) }, unread: (i % 3) + 1, steps: [{ ago: 10 - i * 0.7, event: 'queued', data: { department: destek, why: 'new' } }, ...Array.from({ length: (i % 3) + 1 }, (_, k) => text(9.8 - i * 0.75 - k * 0.1, ['İade tutarı eksik yatmış', 'Merhaba, fiyat alabilir miyim?', 'Ürün elime ulaşmadı'][(i + k) % 3]))] }));
  ['Derya Kılıç', 'Peter Novak', 'Sibel Aydın'].forEach((name, i) => conversation(name, { account: wa, agent: deniz, status: 'pending', steps: [assigned(400), text(300 + i, 'Bekliyorum'), out(290 + i, 'Kargodan dönüş bekliyoruz, haber vereceğim.')] }));
  ['Levent Yavuz', 'Sinem Nalbant'].forEach((name, i) => conversation(name, { account: wa, agent: merve, department: satis, steps: [assigned(80, 'pulled', merve, merve), text(30 + i, 'Toptan fiyat listesi rica ederim')] }));
  ['Hakan Er', 'Linda Berg', 'Pelin Su'].forEach((name, i) => conversation(name, { account: wa, agent: deniz, status: 'closed', ended: 500 + i * 900, steps: [assigned(900 + i * 900), text(800 + i * 900, 'Teşekkürler, çözüldü'), { ago: 500 + i * 900, event: 'ended', actor: deniz, data: { reason: end_reasons[0].id, label: 'Çözüldü' } }] }));

  const template = (name, language, category, quality, body, extra = {}) => {
    const keys = [...body.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1]);
    return { id: id(), account_id: wa, name, language, category, status: 'APPROVED', quality, usable: true, body, buttons: [], variables: keys.map((key) => ({ key, component: 'BODY', kind: 'text', label: extra.labels?.[key] ?? `{{${key}}}`, example: extra.examples?.[key], max: 1024 })), ...extra, labels: undefined, examples: undefined };
  };
  const templates = [
    template('stok_geldi', 'tr', 'UTILITY', 'GREEN', 'Merhaba {{1}}, sorduğunuz {{2}} yeniden stokta. Sizin için 24 saat ayırdık.', { labels: { 1: 'Name', 2: 'Product' }, examples: { 1: 'Selin Hanım', 2: 'beyaz kahvaltı takımı' }, buttons: [{ kind: 'URL', text: 'Ürünü gör', url: 'https://maviev.com' }, { kind: 'QUICK_REPLY', text: 'Artık haber verme' }] }),
    template('siparis_kargoda', 'tr', 'UTILITY', 'GREEN', 'Merhaba {{1}}, {{2}} numaralı siparişiniz kargoya verildi.', { labels: { 1: 'Name', 2: 'Order' }, examples: { 1: 'Elif Hanım', 2: 'MV-20431' }, footer: 'Mavi Ev' }),
    template('order_follow_up', 'en', 'UTILITY', 'YELLOW', 'Hello {{1}}, is everything fine with your order?', { labels: { 1: 'Name' }, examples: { 1: 'James' } }),
    template('hafta_sonu_indirim', 'tr', 'MARKETING', 'GREEN', 'Bu hafta sonu tüm Ege serisinde %20 indirim.'),
    template('yeni_katalog', 'tr', 'MARKETING', 'RED', 'Yeni kataloğumuz hazır.', { status: 'PAUSED', usable: false, reason: 'template_paused' }),
    template('ilk_siparis', 'tr', 'MARKETING', 'UNKNOWN', 'İlk siparişinize özel.', { status: 'REJECTED', usable: false, reason: 'template_paused', rejected_reason: 'INVALID_FORMAT' }),
  ];
  void waToptan;
  return {
    departments, break_reasons, end_reasons, agents, accounts, kinds, conversations, contacts, history, templates, files, media: mediaById,
    canned_replies: [
      { id: id(), shortcut: 'merhaba', title: 'Karşılama', text: 'Merhaba {{first_name|}} hoş geldiniz, ben {{agent}}. Size nasıl yardımcı olabilirim?', personal: false },
      { id: id(), shortcut: 'kargo', title: 'Kargo süresi', text: 'Siparişler üç iş günü içinde kargoya verilir.', personal: false },
      { id: id(), shortcut: 'iade', title: 'İade koşulları', text: 'Ürünü 14 gün içinde iade edebilirsiniz. İade kodunuz: {{kod}}', personal: false },
      { id: id(), shortcut: 'iban', title: 'Havale bilgisi', text: 'TR00 0000 0000 0000 0000 0000 00, Mavi Ev Seramik', personal: true },
    ],
    api_keys: [{ id: id(), name: 'Sipariş sistemi', role: 'agent', scopes: [], created_at: at(60 * 24 * 20), used_at: at(3) }, { id: id(), name: 'Rapor aktarımı', role: 'manager', scopes: [], created_at: at(60 * 24 * 90) }],
  };
}

function png(width, height, color) {
  const raw = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) raw.set(color(x, y), y * (width * 3 + 1) + 1 + x * 3);
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length);
    body.copy(out, 4);
    out.writeUInt32BE(crc(body), body.length + 4);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk('IHDR', head), chunk('IDAT', deflateSync(raw)), chunk('IEND', Buffer.alloc(0))]);
}
function crc(data) {
  let c = ~0;
  for (const b of data) {
    c ^= b;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return ~c >>> 0;
}
function wav(seconds) {
  const rate = 8000;
  const data = Buffer.alloc(seconds * rate);
  for (let i = 0; i < data.length; i++) data[i] = 128 + 40 * Math.sin(i / 6) * Math.sin(i / 900);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write('data', 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}
