// Package live wakes whoever waits: open pages and agent streams. A wake-up
// carries no content; the woken one looks at the rows. Each listener has one
// slot: many wake-ups while it is busy count as one.
package live

import (
	"sync"

	"filo/internal/ids"
)

// Hub knows who waits for what.
type Hub struct {
	mu   sync.RWMutex
	subs map[ids.ID]map[*Sub]struct{} // by what they wait for
	all  map[*Sub]struct{}            // those who wait for everything
}

// New makes an empty hub.
func New() *Hub {
	return &Hub{subs: map[ids.ID]map[*Sub]struct{}{}, all: map[*Sub]struct{}{}}
}

// Sub is one listener. C gets a value when something it waits for changed.
type Sub struct {
	C     chan struct{}
	hub   *Hub
	about []ids.ID
}

// Subscribe listens for wake-ups about the given things; with none, for all.
func (h *Hub) Subscribe(about ...ids.ID) *Sub {
	s := &Sub{C: make(chan struct{}, 1), hub: h, about: about}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(about) == 0 {
		h.all[s] = struct{}{}
	}
	for _, id := range about {
		if h.subs[id] == nil {
			h.subs[id] = map[*Sub]struct{}{}
		}
		h.subs[id][s] = struct{}{}
	}
	return s
}

// Close stops listening.
func (s *Sub) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	delete(s.hub.all, s)
	for _, id := range s.about {
		delete(s.hub.subs[id], s)
		if len(s.hub.subs[id]) == 0 {
			delete(s.hub.subs, id)
		}
	}
}

func (s *Sub) poke() {
	select {
	case s.C <- struct{}{}:
	default:
	}
}

// Wake wakes those who wait for one of the things; with none named, everybody.
func (h *Hub) Wake(_ string, about []ids.ID) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for s := range h.all {
		s.poke()
	}
	if len(about) == 0 {
		for _, m := range h.subs {
			for s := range m {
				s.poke()
			}
		}
	}
	for _, id := range about {
		for s := range h.subs[id] {
			s.poke()
		}
	}
}

// Len counts the listeners.
func (h *Hub) Len() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	n := len(h.all)
	for _, m := range h.subs {
		n += len(m)
	}
	return n
}
