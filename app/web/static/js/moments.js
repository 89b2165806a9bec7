// Moments as the server writes them: the day before the month, 24 hours; in the phone's own time zone.

const locale = document.documentElement.lang === 'en' ? 'en-GB' : document.documentElement.lang;
const day = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'short' });

/** "4 mai 2026, 18:30" (and "1er mai") of a date, a number of milliseconds or an ISO text. */
export const moment = (at) => day.format(new Date(at)).replace(/^1 /, locale === 'fr' ? '1er ' : '$&');

/** "18:30" of the same. */
export const time = (at) => clock.format(new Date(at));
