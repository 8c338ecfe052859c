// Language and theme, wherever they are chosen.
import { html, useId } from '../html.js';
import { language, speak, t } from '../i18n.js';
import { show, theme } from '../theme.js';
import { Icon } from '../ui.js';

function Choice({ legend, name, options, value, onChoose }) {
  const group = `${name}${useId()}`;
  return html`<fieldset>
    <legend>${legend}</legend>
    <div class="choices">
      ${options.map(
        ([id, text, icon]) => html`<label key=${id}>
          <input type="radio" name=${group} value=${id} checked=${id === value} onChange=${() => onChoose(id)} />
          ${icon && html`<${Icon} name=${icon} size=${16} />`}${text}
        </label>`,
      )}
    </div>
  </fieldset>`;
}

export function Preferences() {
  const themes = [['system', t('theme.system'), 'screen'], ['light', t('theme.light'), 'sun'], ['dark', t('theme.dark'), 'moon']];
  return html`<div class="preferences">
    <${Choice} legend=${t('theme')} name="theme" options=${themes} value=${theme.value} onChoose=${show} />
    <${Choice} legend=${t('language')} name="language" options=${[['en', 'English'], ['fr', 'Français']]} value=${language.value} onChoose=${speak} />
  </div>`;
}
