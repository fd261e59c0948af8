// Package templates is the law of WhatsApp message templates: what a template is, what Meta lets an author write, whether
// a template may be sent now, which values it needs, whether the given values are clean, and the exact request part that
// sends it together with the message as the customer will see it.
//
// Everything here is a function of values. The package imports the standard library only, reads no clock, knows no
// account, no contact and no network, and never puts a customer's value into a Problem or an error. It refuses to guess:
// a component or button that it does not know is kept byte for byte and makes the template unusable with a reason.
//
// Start reading at model.go (the template as the Graph API returns it), then variables.go (the form), check.go (values),
// render.go (the message). validate.go is the author's side, usable.go and language.go choose what may be sent, states.go
// applies webhooks, starter.go holds ready-made templates.
//
// Lengths are counted in characters, that is Unicode code points (runes): Meta's pages say "characters" and its counters
// agree with code points, not with bytes or UTF-16 units. Facts come from Meta's template pages as stored in May to July
// 2026 unless a comment says otherwise; "observed" marks what partners report and Meta does not print.
package templates
