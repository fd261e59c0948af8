// Every word on the page, in the two languages of the demo. A word with {x} is filled by t(key, {x}).

const en = {
  title: 'Demo phones', product: 'Gatehouse', demo: 'demo',
  intro: 'You are the customer. What you write here reaches the inbox like a real message.',
  inbox: 'Open the inbox', phones: 'Phones', world: 'World', whatsapp: 'WhatsApp', instagram: 'Instagram',
  phoneOf: '{kind} phone of {name}', youAre: 'You are', person: 'Person on this phone', addPerson: 'Add a person',
  rename: 'Rename this person', account: 'Business', business: 'business account', number: '+{phone}', hidden: 'number hidden',
  name: 'Name', phone: 'Phone number', phoneHint: 'With country code, like 90 533 204 18 96', username: 'User name', optional: 'Not needed',
  hideNumber: 'Hide the phone number, show a user name instead', save: 'Save', add: 'Add', cancel: 'Cancel', close: 'Close',
  write: 'Message to {name}', placeholder: 'Message', send: 'Send', attach: 'Attach', more: 'More about this message',
  replyTo: 'Reply', editMessage: 'Edit', unsend: 'Delete for everyone', react: 'React with {emoji}', unreact: 'Take back {emoji}',
  replyingTo: 'Replying to {name}', editing: 'Editing your message', you: 'You', dropReply: 'Do not reply to it',
  plate: 'Broken plate', bowl: 'Blue bowl', receipt: 'Receipt', voice: 'Voice message', location: 'Location', invoice: 'Invoice (PDF)',
  heart: 'Heart', file: 'File from this computer', photo: 'Photo', video: 'Video', document: 'File', sticker: 'Sticker',
  contact: 'Contact card', sharedPost: 'Shared post', unsupported: 'A message that cannot be shown', play: 'Play', download: 'Download {name}',
  shareLocation: 'Send location', shareNumber: 'Share my number', copyCode: 'Copy code', copied: 'Copied', answered: 'chosen',
  deletedYou: 'You deleted this message', deleted: 'This message was deleted', edited: 'edited', forwarded: 'forwarded',
  typing: 'typing…', typingLong: '{name} is typing', empty: 'No messages yet. Say hello.', today: 'Today', yesterday: 'Yesterday',
  pending: 'waiting for the inbox', taken: 'reached the inbox', readByThem: 'read by the business', fromApp: 'from their phone app',
  lock: 'Lock', unlock: 'Unlock', newMessages: '{n} new messages', newMessage: '1 new message', locked: 'Locked. Messages stay unread.',
  offline: 'Flight mode', offlineTip: 'Messages wait as “sent” until the phone is back', receipts: 'Read receipts', receiptsTip: 'Tell the business when you have read',
  windowOpen: 'Window open, {left} left', windowClosed: 'Window closed. A template can still come.', windowNever: 'Write first to open the window',
  humanOnly: 'Window closed. A person may answer for {left}.', hours: '{h} h {m} min', days: '{d} d {h} h', minutes: '{m} min',
  clock: 'Clock', clockNow: 'It is {time} in this world', moved: 'moved by {by}', plusHour: '+1 h', plusDay: '+24 h', reset: 'Reset', resetClock: 'Set the clock back',
  desk: 'Inbox', deskOk: 'The inbox answers', deskBad: 'The inbox does not answer', deskWaits: '{n} waiting', deskTaken: '{n} webhooks taken', lastAnswer: 'last answer {status}',
  trouble: 'Trouble', troubleHint: 'The next message that the business sends…', arm: 'Arm', disarm: 'Call it off', armed: '{n} armed',
  fault500: 'is answered with error 500', faultHang: 'hangs for 30 s, then the line is cut', faultLost: 'is cut off, but arrives',
  faultLimit: 'is refused: too many messages', fault131026: 'is refused: cannot be delivered', faultToken: 'is refused: token expired', faultSilent: 'arrives, but no status is told',
  failed: 'That did not work: {why}', unreachable: 'The server is away. Trying again…', sent: 'Sent', choose: 'Choose',
};

const tr = {
  title: 'Demo telefonları', product: 'Gatehouse', demo: 'demo',
  intro: 'Müşteri sizsiniz. Buraya yazdıklarınız gelen kutusuna gerçek mesaj gibi ulaşır.',
  inbox: 'Gelen kutusunu aç', phones: 'Telefonlar', world: 'Dünya', whatsapp: 'WhatsApp', instagram: 'Instagram',
  phoneOf: '{name}, {kind} telefonu', youAre: 'Siz', person: 'Bu telefondaki kişi', addPerson: 'Kişi ekle',
  rename: 'Bu kişinin adını değiştir', account: 'İşletme', business: 'işletme hesabı', number: '+{phone}', hidden: 'numara gizli',
  name: 'Ad', phone: 'Telefon numarası', phoneHint: 'Ülke koduyla: 90 533 204 18 96', username: 'Kullanıcı adı', optional: 'Boş kalabilir',
  hideNumber: 'Telefon numarasını gizle, kullanıcı adını göster', save: 'Kaydet', add: 'Ekle', cancel: 'Vazgeç', close: 'Kapat',
  write: '{name} için mesaj', placeholder: 'Mesaj', send: 'Gönder', attach: 'Ekle', more: 'Bu mesajla ilgili seçenekler',
  replyTo: 'Yanıtla', editMessage: 'Düzenle', unsend: 'Herkesten sil', react: '{emoji} ile tepki ver', unreact: '{emoji} tepkisini geri al',
  replyingTo: '{name} yanıtlanıyor', editing: 'Mesajınızı düzenliyorsunuz', you: 'Siz', dropReply: 'Yanıtlamaktan vazgeç',
  plate: 'Kırık tabak', bowl: 'Lacivert kase', receipt: 'Fiş', voice: 'Sesli mesaj', location: 'Konum', invoice: 'Fatura (PDF)',
  heart: 'Kalp', file: 'Bu bilgisayardan dosya', photo: 'Fotoğraf', video: 'Video', document: 'Dosya', sticker: 'Çıkartma',
  contact: 'Kişi kartı', sharedPost: 'Paylaşılan gönderi', unsupported: 'Gösterilemeyen bir mesaj', play: 'Oynat', download: '{name} dosyasını indir',
  shareLocation: 'Konumu gönder', shareNumber: 'Numaramı paylaş', copyCode: 'Kodu kopyala', copied: 'Kopyalandı', answered: 'seçildi',
  deletedYou: 'Bu mesajı sildiniz', deleted: 'Bu mesaj silindi', edited: 'düzenlendi', forwarded: 'iletildi',
  typing: 'yazıyor…', typingLong: '{name} yazıyor', empty: 'Henüz mesaj yok. Merhaba deyin.', today: 'Bugün', yesterday: 'Dün',
  pending: 'gelen kutusu bekleniyor', taken: 'gelen kutusuna ulaştı', readByThem: 'işletme okudu', fromApp: 'telefon uygulamasından',
  lock: 'Kilitle', unlock: 'Kilidi aç', newMessages: '{n} yeni mesaj', newMessage: '1 yeni mesaj', locked: 'Kilitli. Mesajlar okunmadan kalır.',
  offline: 'Uçak modu', offlineTip: 'Telefon dönene kadar mesajlar “gönderildi” olarak bekler', receipts: 'Okundu bilgisi', receiptsTip: 'Okuduğunuzu işletmeye bildir',
  windowOpen: 'Pencere açık, {left} kaldı', windowClosed: 'Pencere kapalı. Şablon mesaj gelebilir.', windowNever: 'Pencereyi açmak için ilk siz yazın',
  humanOnly: 'Pencere kapalı. Bir kişi {left} daha yanıtlayabilir.', hours: '{h} sa {m} dk', days: '{d} g {h} sa', minutes: '{m} dk',
  clock: 'Saat', clockNow: 'Bu dünyada saat {time}', moved: '{by} ilerletildi', plusHour: '+1 sa', plusDay: '+24 sa', reset: 'Sıfırla', resetClock: 'Saati geri al',
  desk: 'Gelen kutusu', deskOk: 'Gelen kutusu yanıt veriyor', deskBad: 'Gelen kutusu yanıt vermiyor', deskWaits: '{n} bekliyor', deskTaken: '{n} bildirim alındı', lastAnswer: 'son yanıt {status}',
  trouble: 'Sorun çıkar', troubleHint: 'İşletmenin göndereceği sıradaki mesaj…', arm: 'Kur', disarm: 'Vazgeç', armed: '{n} kurulu',
  fault500: '500 hatasıyla yanıtlanır', faultHang: '30 sn askıda kalır, sonra hat kesilir', faultLost: 'kesilir ama ulaşır',
  faultLimit: 'reddedilir: çok fazla mesaj', fault131026: 'reddedilir: teslim edilemiyor', faultToken: 'reddedilir: anahtarın süresi doldu', faultSilent: 'ulaşır ama durumu bildirilmez',
  failed: 'Olmadı: {why}', unreachable: 'Sunucuya ulaşılamıyor. Yeniden deneniyor…', sent: 'Gönderildi', choose: 'Seçin',
};

export const language = navigator.language.toLowerCase().startsWith('tr') ? 'tr' : 'en';

const words = language === 'tr' ? tr : en;

// t is the word for a key, filled.
export function t(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
