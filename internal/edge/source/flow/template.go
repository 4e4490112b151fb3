package flow

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// Limits of what an exporter may cost.
const (
	maxExporters  = 256
	maxTemplates  = 1024 // of one exporter
	maxWaiting    = 1024 // sets whose template has not come, of one exporter
	maxWaitBytes  = 1 << 20
	maxAllWaiting = 16 << 20 // bytes, of all exporters
)

// exporter is a device that tells flows. Its templates and its sampling hold
// for it alone.
type exporter struct {
	templates map[templateKey]any
	fresh     map[templateKey]bool // came with the message being read
	sampling  map[uint32]uint64    // by observation domain
	waiting   []waiting
	waitBytes int
}

type templateKey struct {
	version uint16
	domain  uint32
	id      uint16
}

// waiting is a message with one set, whose template has not come.
type waiting struct {
	key     templateKey
	message []byte
}

func newExporter() *exporter {
	return &exporter{templates: map[templateKey]any{}, fresh: map[templateKey]bool{}, sampling: map[uint32]uint64{}}
}

var errTemplate = errors.New("template refused")

// AddTemplate keeps a template. One with a field of no length is refused: a few
// bytes would describe any number of records.
func (e *exporter) AddTemplate(version uint16, domain uint32, id uint16, t any) error {
	var lists [][]netflow.Field
	switch r := t.(type) {
	case netflow.TemplateRecord:
		lists = [][]netflow.Field{r.Fields}
	case netflow.NFv9OptionsTemplateRecord:
		lists = [][]netflow.Field{r.Scopes, r.Options}
	case netflow.IPFIXOptionsTemplateRecord:
		lists = [][]netflow.Field{r.Scopes, r.Options}
	}
	fields, fixed := 0, 0
	for _, list := range lists {
		for _, f := range list {
			if f.Length == 0 {
				return fmt.Errorf("%w: field %d of template %d has no length", errTemplate, f.Type, id)
			}
			fields++
			if f.Length != 0xffff {
				fixed += int(f.Length)
			}
		}
	}
	k := templateKey{version, domain, id}
	if fields == 0 { // withdrawn
		delete(e.templates, k)
		return nil
	}
	if fixed == 0 || e.templates[k] == nil && len(e.templates) >= maxTemplates {
		return errTemplate
	}
	if !reflect.DeepEqual(e.templates[k], t) || e.waitBytes > 0 {
		e.templates[k], e.fresh[k] = t, true
	}
	return nil
}

// GetTemplate gives a template that was told.
func (e *exporter) GetTemplate(version uint16, domain uint32, id uint16) (any, error) {
	if t := e.templates[templateKey{version, domain, id}]; t != nil {
		return t, nil
	}
	return nil, netflow.ErrorTemplateNotFound
}

// RemoveTemplate and GetTemplates complete what the decoder asks of a store of
// templates; it calls neither.
func (e *exporter) RemoveTemplate(version uint16, domain uint32, id uint16) (any, error) {
	t, err := e.GetTemplate(version, domain, id)
	delete(e.templates, templateKey{version, domain, id})
	return t, err
}

// GetTemplates gives none: see RemoveTemplate.
func (e *exporter) GetTemplates() netflow.FlowBaseTemplateSet { return nil }

// wait keeps a set until its template comes, and gives how many older ones had
// to make room.
func (e *exporter) wait(w waiting) (lost int) {
	e.waiting = append(e.waiting, w)
	e.waitBytes += len(w.message)
	for len(e.waiting) > maxWaiting || e.waitBytes > maxWaitBytes {
		e.waitBytes -= len(e.waiting[0].message)
		e.waiting = e.waiting[1:]
		lost++
	}
	return lost
}

// ready takes out the sets whose template came with the last message.
func (e *exporter) ready() [][]byte {
	if len(e.fresh) == 0 {
		return nil
	}
	var out [][]byte
	keep := e.waiting[:0]
	for _, w := range e.waiting {
		if e.fresh[w.key] {
			out = append(out, w.message)
			e.waitBytes -= len(w.message)
		} else {
			keep = append(keep, w)
		}
	}
	clear(e.waiting[len(keep):])
	e.waiting = keep
	clear(e.fresh)
	return out
}
