package shard

import "sort"

// sortedBy returns the numbers from 0 to n-1 in the order in which compare puts them; no two are equal. slices.SortFunc would be made anew for each type
// that is sorted, and has fifteen to twenty kilobytes each time.
func sortedBy(n int, compare func(a, b int) int) []int {
	s := &indices{make([]int, n), compare}
	for i := range s.list {
		s.list[i] = i
	}
	sort.Sort(s)
	return s.list
}

type indices struct {
	list    []int
	compare func(a, b int) int
}

func (s *indices) Len() int           { return len(s.list) }
func (s *indices) Less(i, j int) bool { return s.compare(s.list[i], s.list[j]) < 0 }
func (s *indices) Swap(i, j int)      { s.list[i], s.list[j] = s.list[j], s.list[i] }

// nodesByName returns the nodes in the order of their names.
func nodesByName(nodes []Node) []Node {
	sorted := make([]Node, 0, len(nodes))
	for _, i := range sortedBy(len(nodes), func(a, b int) int {
		if nodes[a].Name < nodes[b].Name {
			return -1
		}
		return 1
	}) {
		sorted = append(sorted, nodes[i])
	}
	return sorted
}
