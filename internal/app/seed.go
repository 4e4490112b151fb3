package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"filo/access"
	"filo/internal/clock"
	"filo/packs"
	"filo/territory"
)

// Seed puts the map into an empty database: centres, provinces, and, when the
// binary carries it, the ISTAT list brought to today by the dated events. It
// never touches what is there.
func (n *Node) Seed(ctx context.Context) (comuni int, err error) {
	v := access.AsSystem("mappa iniziale")
	have, err := n.Territory.Centres(ctx, v)
	if err != nil || len(have) > 0 {
		return 0, err
	}
	centres, provinces, sections, events, err := readSeed()
	if err != nil {
		return 0, err
	}
	list, err := readComuni(provinces, events, clock.DayOf(n.Clock.Now()))
	if err != nil {
		return 0, err
	}
	err = n.DB.Do(ctx, func(ctx context.Context) error {
		for _, c := range centres {
			if err := n.Territory.PutCentre(ctx, v, c); err != nil {
				return err
			}
		}
		for _, p := range provinces {
			if err := n.Territory.PutProvince(ctx, v, p); err != nil {
				return err
			}
		}
		for _, x := range sections {
			if err := n.Territory.PutSection(ctx, v, x); err != nil {
				return err
			}
		}
		return n.Territory.PutBodies(ctx, v, list)
	})
	for _, b := range list {
		if b.Until == "" {
			comuni++
		}
	}
	return comuni, err
}

func readSeed() (centres []territory.Centre, provinces []territory.Province, sections []territory.Section, events []territory.Event, err error) {
	open := func(name string) fs.File {
		f, e := packs.Territory.Open("territory/" + name)
		err = errors.Join(err, e)
		return f
	}
	c, p, x, e := open("centres.csv"), open("provinces.csv"), open("sections.csv"), open("changes.csv")
	if err != nil {
		return nil, nil, nil, nil, fmt.Errorf("territory pack: %w", err)
	}
	defer c.Close()
	defer p.Close()
	defer x.Close()
	defer e.Close()
	if centres, provinces, err = territory.ReadCentres(c, p); err != nil {
		return nil, nil, nil, nil, err
	}
	if sections, err = territory.ReadSections(x, provinces); err != nil {
		return nil, nil, nil, nil, err
	}
	events, err = territory.ReadEvents(e)
	return centres, provinces, sections, events, err
}

func readComuni(provinces []territory.Province, events []territory.Event, today clock.Day) ([]territory.Body, error) {
	f, err := packs.Territory.Open(packs.ISTATList)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // built without make assets: territory import brings the list
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, bad, err := territory.ReadList(f)
	if err != nil {
		return nil, err
	}
	if len(bad) > 0 {
		return nil, fmt.Errorf("ISTAT list: line %d: %s (and %d more)", bad[0].Line, bad[0].What, len(bad)-1)
	}
	var list []territory.Body
	for _, d := range territory.Compare(nil, rows, provinces) {
		list = append(list, d.Body)
	}
	return territory.Replay(list, events, provinces, today), nil
}
