package territory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/ids"
)

func idOf(s string) ids.ID { return ids.ID(s) }

// ComuneID is the identifier of a Comune: made once from the codice catastale,
// so that every node and every import names it alike.
func ComuneID(belfiore string) ids.ID { return ids.ID("comune-" + strings.ToLower(belfiore)) }

// Difference is one thing that applying a list would change.
type Difference struct {
	Kind string // nuovo, nome, provincia, codice, pec, cessato
	Body Body   // as it would be
	Was  Body
	Note string
}

// Compare gives what the rows would change in the map, and changes nothing. A
// Comune that the list lacks is only named as missing: lists can be cut short,
// and a Comune ends by a dated event, never by silence.
func Compare(have []Body, rows []Row, provinces []Province) []Difference {
	centre := map[string]Province{}
	for _, p := range provinces {
		centre[p.Sigla] = p
	}
	known := map[string]Body{}
	for _, b := range have {
		if b.Belfiore != "" {
			known[b.Belfiore] = b
		}
	}
	var out []Difference
	listed := map[string]bool{}
	for _, r := range rows {
		listed[r.Belfiore] = true
		was, ok := known[r.Belfiore]
		now := r.over(was, centre)
		switch {
		case !ok:
			out = append(out, Difference{Kind: "nuovo", Body: now})
		case was.Until != "":
			out = append(out, Difference{Kind: "cessato", Body: was, Was: was, Note: "the list still has it, the map says it ended on " + string(was.Until)})
		case was != now:
			out = append(out, Difference{Kind: kindOf(was, now), Body: now, Was: was})
		}
	}
	for _, b := range have {
		if b.Kind == Comune && b.Until == "" && !listed[b.Belfiore] {
			out = append(out, Difference{Kind: "manca", Body: b, Was: b, Note: "not in the list"})
		}
	}
	slices.SortStableFunc(out, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Body.Name, b.Body.Name))
	})
	return out
}

// over lays a row over what is known: an empty field of the list changes nothing.
func (r Row) over(b Body, centre map[string]Province) Body {
	if b.ID == "" {
		b = Body{ID: ComuneID(r.Belfiore), Kind: Comune, Belfiore: r.Belfiore, IPA: "c_" + strings.ToLower(r.Belfiore)}
	}
	put := func(dest *string, s string) {
		if s != "" {
			*dest = s
		}
	}
	put(&b.Name, r.Name)
	put(&b.SecondName, r.SecondName)
	put(&b.ISTAT, r.ISTAT)
	put(&b.IPA, r.IPA)
	put(&b.PEC, r.PEC)
	if p, ok := centre[r.Province]; ok {
		b.Province, b.Region, b.Centre = p.Sigla, p.Region, p.Centre
	} else {
		put(&b.Province, r.Province)
		put(&b.Region, r.Region)
	}
	if r.Population > 0 {
		b.Population = r.Population
	}
	return b
}

func kindOf(was, now Body) string {
	switch {
	case was.Name != now.Name || was.SecondName != now.SecondName:
		return "nome"
	case was.Province != now.Province || was.Centre != now.Centre:
		return "provincia"
	case was.PEC != now.PEC:
		return "pec"
	default:
		return "codice"
	}
}

// Apply writes the differences; those of kind manca and cessato change nothing.
func Apply(ctx context.Context, s Store, v access.Viewer, diffs []Difference) (int, error) {
	var list []Body
	for _, d := range diffs {
		if d.Kind != "manca" && d.Kind != "cessato" {
			list = append(list, d.Body)
		}
	}
	for part := range slices.Chunk(list, 500) {
		if err := s.PutBodies(ctx, v, part); err != nil {
			return 0, fmt.Errorf("apply list: %w", err)
		}
	}
	return len(list), nil
}

// Replay brings a list of Comuni to day by the dated events: mergers, new
// Comuni, new names, moves to another province. Populations of merged Comuni
// are added up where the new one's is unknown.
func Replay(list []Body, events []Event, provinces []Province, day clock.Day) []Body {
	centre := map[string]Province{}
	for _, p := range provinces {
		centre[p.Sigla] = p
	}
	at := map[string]int{}
	for i, b := range list {
		at[b.Belfiore] = i
	}
	for _, e := range events {
		if e.Day > day {
			continue
		}
		i, ok := at[e.Belfiore]
		switch {
		case e.Kind == "nuovo" && !ok:
			row := Row{Name: e.Name, Belfiore: e.Belfiore, ISTAT: e.ISTAT, Province: e.Province}
			at[e.Belfiore] = len(list)
			list = append(list, row.over(Body{}, centre))
		case !ok:
		case e.Kind == "nome":
			list[i].Name = e.Name
		case e.Kind == "provincia":
			list[i] = Row{ISTAT: e.ISTAT, Province: e.Province}.over(list[i], centre)
		case e.Kind == "fuso" && list[i].Until == "":
			list[i].Until, list[i].Into = e.Day, ComuneID(e.Into)
			if j, ok := at[e.Into]; ok {
				list[j].Population += list[i].Population
			}
		}
	}
	return list
}
