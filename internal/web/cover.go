package web

import (
	"filo/access"
	"filo/internal/ids"
	"filo/territory"
)

// coverRow is one province: what there is, and what an agreement covers.
type coverRow struct {
	territory.Extent
	Name     string
	Covered  int // Comuni
	LargeToo int // of them, those with more than territory.Large inhabitants
	Living   int // people of the Comuni that are covered
}

// Share is how many of a hundred inhabitants live in a Comune that is covered.
func (r coverRow) Share() int { return percent(r.Living, r.People) }

func percent(part, all int) int {
	if all == 0 {
		return 0
	}
	return part * 100 / all
}

type coverPage struct {
	Base
	Rows []coverRow
	All  coverRow
}

// agreementCover answers: who is with us, and where is nobody yet?
func (s *Server) agreementCover(q *req) error {
	p := coverPage{Base: q.with("agreement.cover.title")}
	ctx := q.Context()
	covered, err := s.Agreements.Covering(ctx, q.v, access.ClauseReport)
	if err != nil {
		return err
	}
	var list []ids.ID
	for id := range covered {
		list = append(list, id)
	}
	bodies, err := s.Territory.Named(ctx, q.v, list)
	if err != nil {
		return err
	}
	rows, err := s.coverRows(q)
	if err != nil {
		return err
	}
	at := map[string]int{}
	for i, r := range rows {
		at[r.Province] = i
	}
	for _, b := range bodies {
		i, here := at[b.Province]
		if !here || b.Kind != territory.Comune || b.Until != "" {
			continue
		}
		rows[i].Covered++
		rows[i].Living += b.Population
		if b.Population > territory.Large {
			rows[i].LargeToo++
		}
	}
	for _, r := range rows {
		p.All.Comuni += r.Comuni
		p.All.Large += r.Large
		p.All.People += r.People
		p.All.Covered += r.Covered
		p.All.LargeToo += r.LargeToo
		p.All.Living += r.Living
	}
	p.Rows = rows
	return s.render(q, "agreement/cover", p)
}

// coverRows gives the provinces that the viewer looks after.
func (s *Server) coverRows(q *req) ([]coverRow, error) {
	provinces, err := s.Territory.Provinces(q.Context(), q.v)
	if err != nil {
		return nil, err
	}
	extents, err := s.Territory.Extents(q.Context(), q.v)
	if err != nil {
		return nil, err
	}
	size := map[string]territory.Extent{}
	for _, e := range extents {
		size[e.Province] = e
	}
	var out []coverRow
	for _, v := range provinces {
		if v.Centre == q.v.Centre || q.v.Kind == access.National || q.v.Kind == access.ANCI {
			out = append(out, coverRow{Extent: size[v.Sigla], Name: v.Name})
		}
	}
	return out, nil
}
