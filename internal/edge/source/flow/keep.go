package flow

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"time"

	"filo/internal/spool"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// saveEvery is how often templates that changed are written: devices repeat
// them every few minutes, and an agent that starts again should not wait.
const saveEvery = 5 * time.Second

// saved is a template on disk; one of the three records is there.
type saved struct {
	Exporter netip.Addr                          `json:"exporter"`
	Version  uint16                              `json:"version"`
	Domain   uint32                              `json:"domain"`
	ID       uint16                              `json:"id"`
	Data     *netflow.TemplateRecord             `json:"data,omitempty"`
	Nine     *netflow.NFv9OptionsTemplateRecord  `json:"options9,omitempty"`
	Ten      *netflow.IPFIXOptionsTemplateRecord `json:"options10,omitempty"`
}

// save writes all templates, when one changed and the last time is long ago.
func (d *decoder) save(path string, now time.Time, must bool) {
	if !d.changed || !must && now.Sub(d.written) < saveEvery {
		return
	}
	var list []saved
	for a, e := range d.exporters {
		for k, t := range e.templates {
			s := saved{Exporter: a, Version: k.version, Domain: k.domain, ID: k.id}
			switch r := t.(type) {
			case netflow.TemplateRecord:
				s.Data = &r
			case netflow.NFv9OptionsTemplateRecord:
				s.Nine = &r
			case netflow.IPFIXOptionsTemplateRecord:
				s.Ten = &r
			}
			list = append(list, s)
		}
	}
	d.written, d.changed = now, false
	b, err := json.Marshal(list)
	if err == nil {
		err = spool.WriteFile(path, b)
	}
	if err != nil {
		d.tally.Note("templates not written", 1)
	}
}

// load takes up the templates that were written. They pass the same examination
// as those that come over the network.
func (d *decoder) load(path string) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var list []saved
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		return fmt.Errorf("templates of flows: %w (the file may be deleted)", err)
	}
	for _, s := range list {
		var t any
		switch {
		case s.Data != nil:
			t = *s.Data
		case s.Nine != nil:
			t = *s.Nine
		case s.Ten != nil:
			t = *s.Ten
		default:
			continue
		}
		e := d.exporters[s.Exporter]
		if e == nil {
			if len(d.exporters) >= maxExporters {
				break
			}
			e = newExporter()
			d.exporters[s.Exporter] = e
		}
		if err := e.AddTemplate(s.Version, s.Domain, s.ID, t); err != nil {
			d.tally.Drop(LostRefused, 1)
		}
	}
	for _, e := range d.exporters {
		clear(e.fresh)
	}
	return nil
}
