import './app.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { useLanguage, browserLanguage } from './lib/i18n/i18n.svelte';

await useLanguage(browserLanguage());
mount(App, { target: document.getElementById('app')! });
