//! Some subtrees of a tape, and which of them is around a node: asked for every edit, so it must not take longer with
//! every anchor or duplicate key of a long list.

/// A subtree as a range of node indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Subtree {
    start: u32,
    end: u32,
    /// The next larger one around it.
    around: Option<usize>,
    /// What it stands for.
    what: usize,
}

/// Subtrees by their start. Two are nested or apart, never crossed.
#[derive(Debug, Default)]
pub(super) struct Subtrees(Vec<Subtree>);

impl Subtrees {
    /// Takes ranges of node indexes and what each stands for; of equal ranges the first counts.
    pub(super) fn new(mut ranges: Vec<(u32, u32, usize)>) -> Self {
        ranges.sort_by_key(|(start, end, what)| (*start, std::cmp::Reverse(*end), *what));
        ranges.dedup_by_key(|(start, end, _)| (*start, *end));
        let mut all: Vec<Subtree> = Vec::with_capacity(ranges.len());
        let mut open: Vec<usize> = Vec::new();
        for (start, end, what) in ranges {
            while open.last().and_then(|i| all.get(*i)).is_some_and(|outer| outer.end <= start) {
                open.pop();
            }
            open.push(all.len());
            let around = open.len().checked_sub(2).and_then(|i| open.get(i)).copied();
            all.push(Subtree { start, end, around, what });
        }
        Self(all)
    }

    /// What the innermost subtree around a node stands for.
    pub(super) fn around(&self, node: u32) -> Option<usize> {
        let mut at = self.0.partition_point(|tree| tree.start <= node).checked_sub(1);
        while let Some(tree) = at.and_then(|i| self.0.get(i)) {
            if node < tree.end {
                return Some(tree.what);
            }
            at = tree.around;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Subtrees;

    #[test]
    fn the_innermost_subtree_is_found() {
        let trees = Subtrees::new(vec![(12, 14, 3), (2, 10, 1), (3, 5, 2), (2, 10, 9)]);
        for (node, want) in [(1, None), (2, Some(1)), (4, Some(2)), (5, Some(1)), (10, None), (13, Some(3))] {
            assert_eq!(trees.around(node), want, "{node}");
        }
    }
}
