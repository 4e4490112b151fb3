package live

import (
	"testing"

	"filo/internal/ids"
)

func TestOnlyThoseWhoWaitForItAreWoken(t *testing.T) {
	h := New()
	a, b, all := h.Subscribe("enna"), h.Subscribe("genova"), h.Subscribe()
	h.Wake("report", []ids.ID{"enna"})
	h.Wake("report", []ids.ID{"enna"})
	if len(a.C) != 1 || len(b.C) != 0 || len(all.C) != 1 {
		t.Errorf("woken %d %d %d times, want 1 0 1", len(a.C), len(b.C), len(all.C))
	}
	h.Wake("change", nil)
	if len(b.C) != 1 {
		t.Error("a wake-up about everything wakes everybody")
	}
	a.Close()
	b.Close()
	all.Close()
	if h.Len() != 0 || len(h.subs) != 0 {
		t.Error("who stops listening leaves nothing behind")
	}
}
