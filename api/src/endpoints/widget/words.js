// Words: paragraphs, lists, code, bold, italics and links to http(s); everything else stays as it was written.
const INLINE = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\*([^*\s][^*\n]*)\*|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])/g;
function inline(into, words) {
  let at = 0;
  for (const found of words.matchAll(INLINE)) {
    into.append(words.slice(at, found.index));
    const [all, code, bold, italic, label, link, bare] = found;
    if (code) into.append(el('code', {}, code));
    else if (bold) into.append(inline(el('strong'), bold));
    else if (italic) into.append(inline(el('em'), italic));
    else into.append(el('a', { href: link ?? bare, target: '_blank', rel: 'noopener noreferrer nofollow' }, label ?? bare));
    at = found.index + all.length;
  }
  into.append(words.slice(at));
  return into;
}
function marked(into, words) {
  let list = null, paragraph = [], code = null;
  const flush = () => {
    if (paragraph.length) into.append(inline(el('p', { dir: 'auto' }), paragraph.join('\n')));
    paragraph = [];
  };
  for (const row of words.split('\n')) {
    if (/^\s*```/.test(row)) {
      flush();
      if (code) into.append(el('pre', { tabindex: '0', dir: 'ltr' }, el('code', {}, code.join('\n'))));
      [code, list] = [code ? null : [], null];
      continue;
    }
    if (code) { code.push(row); continue; }
    const item = /^\s*(?:([-*•])|(\d+)[.)])\s+(.*)$/.exec(row);
    if (item) {
      flush();
      const kind = item[1] ? 'UL' : 'OL';
      if (list?.tagName !== kind) into.append(list = el(kind, { start: item[2], dir: 'auto' }));
      list.append(inline(el('li', { dir: 'auto' }), item[3]));
      continue;
    }
    list = null;
    const heading = /^#{1,6}\s+(.*)$/.exec(row);
    if (heading) { flush(); into.append(el('p', { dir: 'auto' }, inline(el('strong'), heading[1]))); } else if (row.trim()) paragraph.push(row);
    else flush();
  }
  flush();
  if (code) into.append(el('pre', { tabindex: '0', dir: 'ltr' }, el('code', {}, code.join('\n'))));
  return into;
}
