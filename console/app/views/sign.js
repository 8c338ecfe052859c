// The way in: sign in, a new team, a forgotten password, a letter's link.
import { html, useEffect, useState } from '../html.js';
import { post, register, signIn } from '../api.js';
import { t } from '../i18n.js';
import { go, path, route } from '../router.js';
import { Check, Field, Form, Icon } from '../ui.js';
import { Preferences } from './preferences.js';

/** The fields of a form, with how to write them. */
function useFields(first) {
  const [values, set] = useState(first);
  const bind = (name) => ({ name, value: values[name], onInput: (value) => set((old) => ({ ...old, [name]: value })) });
  return [values, bind];
}

function SignIn() {
  const [values, bind] = useFields({ email: '', password: '' });
  const [stay, setStay] = useState(false);
  return html`<h1>${t('sign.in.title')}</h1>
    <${Form} onSubmit=${() => signIn(values, stay)} submit=${t('sign.in')} fields=${['email', 'password']}>
      ${(wrong) => html`
        <${Field} label=${t('email')} type="email" autocomplete="username" required autofocus error=${wrong.email} ...${bind('email')} />
        <${Field} label=${t('password')} type="password" autocomplete="current-password" required error=${wrong.password} ...${bind('password')} />
        <${Check} label=${t('sign.stay')} hint=${t('sign.stay.hint')} checked=${stay} onChange=${setStay} />`}
    <//>
    <p class="sign-other"><a href=${path('forgot')}>${t('sign.forgot')}</a><span>${t('sign.new')} <a href=${path('register')}>${t('sign.register')}</a></span></p>`;
}

function Register() {
  const [values, bind] = useFields({ tenantName: '', name: '', email: '', password: '' });
  const fields = ['tenantName', 'name', 'email', 'password'];
  const make = () => register(values, false).then(() => go(path('start')));
  return html`<h1>${t('register.title')}</h1>
    <p class="soft">${t('register.lead')}</p>
    <${Form} onSubmit=${make} submit=${t('register.submit')} fields=${fields}>
      ${(wrong) => html`
        <${Field} label=${t('register.team')} autocomplete="organization" required autofocus error=${wrong.tenantName} ...${bind('tenantName')} />
        <${Field} label=${t('register.name')} autocomplete="name" required error=${wrong.name} ...${bind('name')} />
        <${Field} label=${t('email')} type="email" autocomplete="username" required error=${wrong.email} ...${bind('email')} />
        <${Field} label=${t('password')} hint=${t('password.hint')} type="password" autocomplete="new-password" required error=${wrong.password} ...${bind('password')} />`}
    <//>
    <p class="sign-other"><span>${t('register.known')} <a href=${path('login')}>${t('sign.in')}</a></span></p>`;
}

function Forgot() {
  const [values, bind] = useFields({ email: '' });
  const [sent, setSent] = useState(false);
  return html`<h1>${t('forgot.title')}</h1>
    ${sent
      ? html`<p class="banner good" role="status"><${Icon} name="check" />${t('forgot.sent')}</p>`
      : html`<p class="soft">${t('forgot.lead')}</p>
          <${Form} onSubmit=${() => post('/api/auth/forgot', values).then(() => setSent(true))} submit=${t('forgot.submit')} fields=${['email']}>
            ${(wrong) => html`<${Field} label=${t('email')} type="email" autocomplete="username" required autofocus error=${wrong.email} ...${bind('email')} />`}
          <//>`}
    <p class="sign-other"><a href=${path('login')}>${t('sign.back')}</a></p>`;
}

function Reset({ token }) {
  const [values, bind] = useFields({ password: '' });
  const [done, setDone] = useState(false);
  const change = () => post('/api/auth/reset', { token, ...values }).then(() => setDone(true));
  return html`<h1>${t('reset.title')}</h1>
    ${done
      ? html`<p class="banner good" role="status"><${Icon} name="check" />${t('reset.done')}</p><a class="button primary" href=${path('login')}>${t('sign.in')}</a>`
      : html`<${Form} onSubmit=${change} submit=${t('reset.submit')} fields=${['password']}>
          ${(wrong) => html`<${Field} label=${t('password.new')} hint=${t('password.hint')} type="password" autocomplete="new-password" required autofocus error=${wrong.password} ...${bind('password')} />`}
        <//>`}`;
}

export function Sign() {
  const { parts, query } = route.value;
  const view = parts[0];
  useEffect(() => {
    document.title = 'Colloquy';
  }, [view]);
  const shown = {
    register: () => html`<${Register} />`,
    forgot: () => html`<${Forgot} />`,
    reset: () => html`<${Reset} token=${query.get('token') ?? ''} />`,
  }[view] ?? (() => html`<${SignIn} />`);
  return html`<div class="sign">
    <main class="sign-card">
      <p class="brand"><img src=${new URL('../../icon.svg', import.meta.url).href} alt="" width="32" height="32" /><span>Colloquy</span></p>
      ${shown()}
    </main>
    <footer><${Preferences} /></footer>
  </div>`;
}
