import type { ContactBrief } from '../api/types';
import { t } from './i18n.svelte';

/** A visitor who told no name is called one, with a mark that tells two of them apart. */
export const contactName = (contact: Pick<ContactBrief, 'id' | 'name'>) => contact.name || t('contact.visitor', { mark: contact.id.slice(-4).toUpperCase() });
