package report

import (
	"strings"
	"time"
	"unicode/utf8"

	"filo/access"
	"filo/internal/fault"
	"filo/internal/ids"
)

// Times says within how long somebody must take a report in charge, by
// priority. A reminder goes out at half the time, escalation to the national
// centre at its end.
type Times map[access.Priority]time.Duration

// DefaultTimes are used where the configuration says nothing.
var DefaultTimes = Times{
	access.Urgent: 15 * time.Minute,
	access.High:   time.Hour,
	access.Normal: 8 * time.Hour,
	access.Low:    24 * time.Hour,
}

// Limits of a report's fields, in bytes, and of its lists.
const (
	MaxTitle    = 160
	MaxText     = 20_000
	MaxServices = 30
	MaxFile     = 64 << 20
	MaxFiles    = 40
	MaxValues   = 2_000
)

// Suggest gives the priority that the facts ask for; an officer may change it.
func (r Report) Suggest() access.Priority {
	grave := false
	for _, s := range r.Signs {
		switch s {
		case SignLocked, SignRansom, SignGone, SignLogin:
			grave = true
		}
	}
	switch {
	case r.Now && (grave || r.Kind == Incident):
		return access.Urgent
	case r.Now || grave || r.Kind == Incident:
		return access.High
	case r.Kind == Attempt:
		return access.Low
	default:
		return access.Normal
	}
}

// Check tells whether the report can be sent: what is missing, in which field.
func (r Report) Check(now time.Time) error {
	if len(r.Signs) == 0 && r.Kind == "" {
		return fault.Bad("signs", "report.signs.missing")
	}
	if strings.TrimSpace(r.Text) == "" && strings.TrimSpace(r.Title) == "" && len(r.Signs) == 0 {
		return fault.Bad("text", "report.text.missing")
	}
	if r.Began.After(now.Add(time.Hour)) {
		return fault.Bad("began", "report.began.future")
	}
	if r.Known.After(now.Add(time.Hour)) {
		return fault.Bad("known", "report.known.future")
	}
	return r.checkShape()
}

// checkShape holds for drafts too: lengths and known words.
func (r Report) checkShape() error {
	switch {
	case len(r.Title) > MaxTitle:
		return fault.Bad("title", "report.title.long", MaxTitle)
	case len(r.Text) > MaxText:
		return fault.Bad("text", "report.text.long", MaxText)
	case len(r.Services) > MaxServices:
		return fault.Bad("services", "report.services.many", MaxServices)
	case !utf8.ValidString(r.Title) || !utf8.ValidString(r.Text):
		return fault.Bad("text", "report.text.encoding")
	}
	for _, s := range r.Signs {
		if !known(Signs, s) {
			return fault.Bad("signs", "report.signs.bad", string(s))
		}
	}
	for _, d := range r.Deeds {
		if !known(Deeds, d) {
			return fault.Bad("deeds", "report.deeds.bad", d)
		}
	}
	if r.Kind != "" && !known(Kinds, r.Kind) {
		return fault.Bad("kind", "report.kind.bad", string(r.Kind))
	}
	return nil
}

func known[T comparable](all []T, one T) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}

// sent turns a checked draft into a report that the centre must take.
func (r Report) sent(now time.Time, times Times) Report {
	if r.Kind == "" {
		r.Kind = Unclear
	}
	if !r.Priority.Valid() {
		r.Priority = r.Suggest()
	}
	if !r.TLP.Valid() {
		r.TLP = access.TLPAmber
	}
	if r.Known.IsZero() {
		r.Known = now
	}
	r.State, r.Sent, r.Due = Received, now, now.Add(times.of(r.Priority))
	return r
}

func (t Times) of(p access.Priority) time.Duration {
	if d, ok := t[p]; ok && d > 0 {
		return d
	}
	return DefaultTimes[p]
}

// acknowledged records who took the report in charge and stops the first clock.
func (r Report) acknowledged(v access.Viewer, now time.Time) (Report, error) {
	if !r.State.MayFollow(Taken) {
		return r, fault.New(fault.Conflict, "report.taken.already", r.TakenName)
	}
	r.State, r.TakenBy, r.TakenName, r.TakenAt = Taken, v.Person, v.Name, now
	return r, nil
}

// mayHandle tells whether v works on the report as the side that received it.
func (r Report) mayHandle(v access.Viewer) error {
	if !v.Acts() {
		return fault.New(fault.Forbidden, "fault.forbidden")
	}
	if v.Kind == access.System {
		return nil
	}
	if r.Direction == Up && !v.Police() || r.Direction == Down && v.Police() {
		return fault.New(fault.Forbidden, "report.other_side")
	}
	return nil
}

func cleanLines(list []string, limit int) []string {
	out := make([]string, 0, len(list))
	seen := map[string]bool{}
	for _, s := range list {
		s = strings.TrimSpace(s)
		if s == "" || seen[s] || len(s) > 200 {
			continue
		}
		seen[s] = true
		out = append(out, s)
		if len(out) == limit {
			break
		}
	}
	return out
}

// Titled gives the title, or what stands for it where nobody wrote one.
func (r Report) Titled() string {
	if r.Title != "" {
		return r.Title
	}
	if i := strings.IndexByte(r.Text, '\n'); i > 0 && i <= 80 {
		return r.Text[:i]
	}
	if utf8.RuneCountInString(r.Text) > 80 {
		return string([]rune(r.Text)[:80]) + "…"
	}
	return r.Text
}

func newCode() string { return ids.Code(6) }
