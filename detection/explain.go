package detection

import (
	"fmt"
	"strings"
	"time"

	"filo/internal/logline"
)

// Explain says, line by line, what became of a line that was just given to Feed:
// what was read, which entry of the allow-list swallowed it, which rules matched
// and why, and how far each counts.
func (g *Engine) Explain(e *logline.Event, line []byte, log string) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	say("read        %s", describe(e))
	if e.Source.IsValid() {
		if a, ok := g.allow.find(e.Source, e.Time); ok {
			reason := a.Reason
			if reason == "" {
				reason = "no reason given"
			}
			until := "for good"
			if !a.Until.IsZero() {
				until = "until " + a.Until.Format(time.DateOnly)
			}
			say("allowed     by %s (%s, %s): not counted", a.Network, reason, until)
			return out
		}
	}
	for _, m := range g.packs {
		ev, ok := g.convert.native(e, line)
		if m.pack.router != nil {
			ev, ok = g.convert.foreign(e, line, m.pack.router)
		}
		if !ok {
			continue
		}
		asked := 0
		for _, r := range m.pack.Rules {
			if r.Correlation != nil || r.Filter != nil {
				continue
			}
			x := m.match.Explain(ev, r.Rule)
			if !x.Sees {
				continue
			}
			asked++
			if !x.Matches {
				continue
			}
			say("rule        %s: %s%s", r.ID, r.Title, by(r))
			for _, v := range x.Lines {
				if v.Holds {
					say("            %s%s", strings.Repeat("  ", v.Depth), verdict(v.Selection, v.Field, v.Asked, v.Found))
				}
			}
			say("            %s", g.standing(r, e, log))
		}
		if asked > 0 {
			say("asked       %d rules about %s", asked, ev.Source)
		}
	}
	return out
}

func by(r *Rule) string {
	if r.Own {
		return ""
	}
	return fmt.Sprintf(" (by %s, %s)", r.Author, r.License)
}

func verdict(selection, field string, asked, found []string) string {
	if field == "" && len(asked) == 0 {
		return "selection " + selection
	}
	if field == "" {
		field = "any field"
	}
	return fmt.Sprintf("%s: %q is asked for in %q", field, asked, found)
}

// standing says how far a rule has counted.
func (g *Engine) standing(r *Rule, e *logline.Event, log string) string {
	if r.Severity == "none" && r.Own {
		return "serves other rules, tells nothing by itself"
	}
	if !g.follows(r, e, log) {
		return "counts only after " + r.After + ", which has no finding of this source"
	}
	el, ok := g.buckets[keyOf(r, e, log)]
	if !ok {
		return "not counted"
	}
	b := el.Value.(*bucket)
	need := r.tell(e, b, g.convert.scope(e.Source))
	if b.told > 0 {
		return fmt.Sprintf("counted %d: a finding of severity %s", b.count(), r.Severity)
	}
	return fmt.Sprintf("counted %d of the %d from which it is a finding", b.count(), need)
}

func describe(e *logline.Event) string {
	parts := []string{e.Product, e.Action, e.Outcome}
	if !e.Time.IsZero() {
		parts = append(parts, e.Time.Format(time.RFC3339), "zone from "+e.Zone)
	}
	if e.Source.IsValid() {
		parts = append(parts, fmt.Sprintf("from %s", e.Source))
		if e.SrcPort > 0 {
			parts = append(parts, fmt.Sprintf("port %d", e.SrcPort))
		}
	}
	if len(e.User) > 0 {
		parts = append(parts, fmt.Sprintf("user %q", e.User))
	}
	if e.Status > 0 {
		parts = append(parts, fmt.Sprintf("%s %q %d", e.Method, e.Path, e.Status))
	}
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return "nothing: the line is of no product that is known"
	}
	return strings.Join(out, "  ")
}
