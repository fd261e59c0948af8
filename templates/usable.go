package templates

import "strconv"

// Reason says why a template cannot be sent now. It is the API's error code, the metric's label and the key of the
// sentence that the agent reads. The set is closed: Reasons lists it.
type Reason string

// The reasons.
const (
	ReasonMissing     Reason = "template_missing"     // no such template in this language, or deleted
	ReasonPending     Reason = "template_pending"     // in review or in appeal
	ReasonRejected    Reason = "template_rejected"    // RejectedReason says why
	ReasonPaused      Reason = "template_paused"      // low quality; StatusDetail and PausedUntil say more
	ReasonDisabled    Reason = "template_disabled"    // for good, after repeated pauses
	ReasonArchived    Reason = "template_archived"    // not used for long; can be unarchived
	ReasonLocked      Reason = "template_locked"      // Meta holds it
	ReasonLimit       Reason = "template_limit"       // the account has too many templates
	ReasonUnknown     Reason = "template_unknown"     // a state that this version does not know
	ReasonUnsupported Reason = "template_unsupported" // approved, but UnsupportedPart names a part that we cannot send
	ReasonVariables   Reason = "template_variables"   // usable, but Check has something to say about the values
)

// Reasons returns every reason, for whoever must have a sentence or a label for each.
func Reasons() []Reason {
	return []Reason{
		ReasonMissing, ReasonPending, ReasonRejected, ReasonPaused, ReasonDisabled, ReasonArchived,
		ReasonLocked, ReasonLimit, ReasonUnknown, ReasonUnsupported, ReasonVariables,
	}
}

// Usable tells whether the template may be sent now, and why not. The zero Template is missing.
func Usable(t Template) (ok bool, why Reason) {
	switch t.Status {
	case StatusApproved:
		if UnsupportedPart(t) != "" {
			return false, ReasonUnsupported
		}
		return true, ""
	case StatusPending, StatusInAppeal:
		return false, ReasonPending
	case StatusRejected:
		return false, ReasonRejected
	case StatusPaused:
		return false, ReasonPaused
	case StatusDisabled:
		return false, ReasonDisabled
	case StatusArchived:
		return false, ReasonArchived
	case StatusLocked:
		return false, ReasonLocked
	case StatusLimitExceeded:
		return false, ReasonLimit
	case StatusDeleted, StatusPendingDeletion:
		return false, ReasonMissing
	}
	if t.Name == "" {
		return false, ReasonMissing
	}
	return false, ReasonUnknown
}

// UnsupportedPart names the first part of the template that this package cannot send ("header", "card.0.button.1"), or
// returns "". Sending the rest without it would be refused by Meta or would reach the customer maimed.
func UnsupportedPart(t Template) string {
	if place := unsupported(t.Components, "", 0); place != "" {
		return place
	}
	for _, f := range t.face().all() {
		if f.otp(t.Category) >= 0 && len(names(f.bodyText(t.Category))) == 0 {
			return f.prefix + "body" // a code button, and no code to give it
		}
	}
	return ""
}

func unsupported(components []Component, prefix string, card int) string {
	seen := map[ComponentType]bool{}
	for _, c := range components {
		place := prefix + field(c.Type)
		if c.Raw != nil || seen[c.Type] {
			return place
		}
		seen[c.Type] = true
		switch c.Type {
		case Header:
			switch c.Format {
			case FormatText, FormatImage, FormatVideo, FormatDocument, FormatLocation, FormatProduct:
			default:
				return place
			}
		case Buttons:
			for i, b := range c.Buttons {
				if b.Raw != nil || b.Type == URL && len(placeholder.FindAllString(b.URL, 2)) > 1 {
					return prefix + "button." + strconv.Itoa(i)
				}
			}
		case LimitedTimeOffer:
			if c.Offer == nil {
				return place
			}
		case Carousel:
			if card > 0 {
				return place
			}
			for i, one := range c.Cards {
				if inside := unsupported(one.Components, "card."+strconv.Itoa(i)+".", i+1); inside != "" {
					return inside
				}
			}
		}
	}
	return ""
}

// field is the name of a component in Problem.Field.
func field(of ComponentType) string {
	switch of {
	case Header:
		return "header"
	case Body:
		return "body"
	case Footer:
		return "footer"
	case Buttons:
		return "buttons"
	case Carousel:
		return "cards"
	case LimitedTimeOffer:
		return "offer"
	case CallPermissionRequest:
		return "call_permission_request"
	}
	return "component"
}
