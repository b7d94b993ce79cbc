//! The rows that are known: pages by number, as many as are worth keeping.

use std::rc::Rc;

use super::PAGE_ROWS;

/// Pages kept.
const MAX_PAGES: usize = 40;

pub(super) struct CachedPage<T> {
    number: u64,
    pub(super) rows: Vec<Rc<T>>,
    /// The epoch in which it was asked for; older than the list's: it may have changed since.
    pub(super) epoch: u32,
    last_used: u64,
}

/// Pages by number. At most [`MAX_PAGES`], so looking through them is quicker than hashing.
pub(super) struct Cache<T> {
    pub(super) pages: Vec<CachedPage<T>>,
    uses: u64,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            uses: 0,
        }
    }
}

impl<T> Cache<T> {
    pub(super) fn page(&self, number: u64) -> Option<&CachedPage<T>> {
        self.pages.iter().find(|page| page.number == number)
    }

    pub(super) fn row(&self, index: u64) -> Option<&Rc<T>> {
        self.page(index / PAGE_ROWS)?
            .rows
            .get(usize::try_from(index % PAGE_ROWS).ok()?)
    }

    pub(super) fn touch(&mut self, number: u64) {
        self.uses += 1;
        let uses = self.uses;
        if let Some(page) = self.pages.iter_mut().find(|page| page.number == number) {
            page.last_used = uses;
        }
    }
}

impl<T: PartialEq> Cache<T> {
    /// Keeps a page; the one used longest ago goes. A row that is as it was keeps its place in memory,
    /// by which a slot knows that it has nothing to write.
    pub(super) fn insert(&mut self, number: u64, rows: Vec<T>, epoch: u32) {
        let old = self
            .pages
            .iter()
            .position(|page| page.number == number)
            .map(|at| self.pages.swap_remove(at));
        let mut before = old.map_or_else(Vec::new, |page| page.rows).into_iter();
        let rows = rows
            .into_iter()
            .map(|row| match before.next() {
                Some(same) if *same == row => same,
                _ => Rc::new(row),
            })
            .collect();
        if self.pages.len() >= MAX_PAGES {
            let oldest = (0..self.pages.len()).min_by_key(|&at| self.pages[at].last_used);
            if let Some(oldest) = oldest {
                self.pages.swap_remove(oldest);
            }
        }
        self.uses += 1;
        self.pages.push(CachedPage {
            number,
            rows,
            epoch,
            last_used: self.uses,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(page: u64) -> Vec<u64> {
        (page * PAGE_ROWS..(page + 1) * PAGE_ROWS).collect()
    }

    #[test]
    fn a_row_is_found_in_its_page() {
        let mut cache = Cache::default();
        cache.insert(3, rows(3), 0);
        assert_eq!(cache.row(151).map(|row| **row), Some(151));
        assert_eq!(cache.row(149), None);
    }

    #[test]
    fn the_page_used_longest_ago_goes() {
        let mut cache = Cache::default();
        for page in 0..MAX_PAGES as u64 {
            cache.insert(page, rows(page), 0);
        }
        cache.touch(0);
        cache.insert(1_000, rows(1_000), 0);
        assert_eq!(cache.pages.len(), MAX_PAGES);
        assert!(cache.page(0).is_some());
        assert!(cache.page(1).is_none());
    }

    #[test]
    fn a_row_that_is_as_it_was_stays_the_same() {
        let mut cache = Cache::default();
        cache.insert(0, vec![1, 2], 0);
        let before = cache.row(0).unwrap().clone();
        cache.insert(0, vec![1, 3], 1);
        assert!(Rc::ptr_eq(&before, cache.row(0).unwrap()));
        assert_eq!(cache.row(1).map(|row| **row), Some(3));
    }
}
