package templates

import (
	"cmp"
	"slices"
	"strings"
)

// NormalizeLanguage writes a language as the management API does: tr, en_US, zh_Hant_TW. Webhooks have been seen with
// en-US, browsers send tr-TR.
func NormalizeLanguage(language string) string {
	parts := strings.FieldsFunc(language, func(r rune) bool { return r == '-' || r == '_' || r == ' ' })
	for i, part := range parts {
		switch {
		case i == 0:
			parts[i] = strings.ToLower(part)
		case len(part) == 4:
			parts[i] = strings.ToUpper(part[:1]) + strings.ToLower(part[1:])
		default:
			parts[i] = strings.ToUpper(part)
		}
	}
	return strings.Join(parts, "_")
}

// Pick chooses the language of a template for a contact. wanted are languages in order of preference: the contact's, then
// the account's. For each of them in turn it takes
//
//  1. that language exactly (pt_BR),
//  2. the same language of another region (pt_PT), the first in the alphabet,
//  3. the language without a region (pt),
//
// and after all of them any language, the first in the alphabet. A template that is not usable is never chosen while a
// usable one exists in whatever language; when none is, the best unusable one is returned, so that Usable can say why.
// ok is false only where no template has the name.
func Pick(all []Template, name string, wanted ...string) (picked Template, ok bool) {
	for _, t := range all {
		if t.Name != name {
			continue
		}
		if !ok || better(t, picked, wanted) {
			picked, ok = t, true
		}
	}
	return picked, ok
}

func better(a, b Template, wanted []string) bool {
	return cmp.Or(
		cmp.Compare(unusable(a), unusable(b)),
		cmp.Compare(distance(a.Language, wanted), distance(b.Language, wanted)),
		cmp.Compare(a.Language, b.Language),
		cmp.Compare(a.ID, b.ID),
	) < 0
}

// Sort orders templates for the picker: usable before unusable, the contact's language first (exactly, then its other
// regions), then the names that this agent used lately, in their order, then by name and language.
func Sort(all []Template, language string, used ...string) {
	recent := func(t Template) int {
		if i := slices.Index(used, t.Name); i >= 0 {
			return i
		}
		return len(used)
	}
	wanted := []string{language}
	slices.SortStableFunc(all, func(a, b Template) int {
		return cmp.Or(
			cmp.Compare(unusable(a), unusable(b)),
			cmp.Compare(distance(a.Language, wanted), distance(b.Language, wanted)),
			cmp.Compare(recent(a), recent(b)),
			cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Language, b.Language),
			cmp.Compare(a.ID, b.ID),
		)
	})
}

func unusable(t Template) int {
	if ok, _ := Usable(t); ok {
		return 0
	}
	return 1
}

// distance is how far a language is from what is wanted; 0 is best.
func distance(language string, wanted []string) int {
	language = NormalizeLanguage(language)
	base, _, regional := strings.Cut(language, "_")
	for i, want := range wanted {
		want = NormalizeLanguage(want)
		wantBase, _, _ := strings.Cut(want, "_")
		switch {
		case want == "":
		case language == want:
			return 3 * i
		case base == wantBase && regional:
			return 3*i + 1
		case base == wantBase:
			return 3*i + 2
		}
	}
	return 3 * len(wanted)
}
